#include "import_model.h"

#include <filesystem>
#include <fstream>

#include "lm/adapter_merge.h"
#include "lm/gguf_config.h"
#include "lm/gguf_model.h"
#include "lm/gguf_tokenizer.h"
#include "lm/model_folder.h"
#include "lm/model_weights.h"
#include "lm/reward_scores.h"
#include "lm/training_estimate.h"
#include "text/chat_format.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

namespace lehr::plugins::import {
namespace {

namespace fs = std::filesystem;

// What transformers keeps of a tokenizer beside tokenizer.json.
constexpr const char* kTemplateFile = "chat_template.jinja";
constexpr const char* kTokenizerFiles[] = {"tokenizer.json", "tokenizer_config.json",
                                           "special_tokens_map.json", kTemplateFile,
                                           text::kTokenizerCodeFile};

void write_file(const fs::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw Error("cannot write '" + path.string() + "'");
}

void copy_if_there(const fs::path& from, const fs::path& to) {
  if (fs::exists(from)) fs::copy_file(from, to);
}

lm::ModelConfig config_of(const fs::path& folder) {
  if (!fs::exists(folder / "config.json") && fs::exists(folder / "adapter_config.json"))
    throw Error(
        folder.string() +
        ": this is an adapter of PEFT, which is no model by itself. Give import.model the "
        "folder of the model that it was trained over as 'path', and this one as 'adapter'");
  return lm::read_config(folder);
}

// All of a folder that a model consists of; its shards become one file.
lm::ModelConfig import_folder(const fs::path& from, lm::HeadKind wanted, const fs::path& model) {
  const lm::ModelConfig config = config_of(from);
  if (config.head != wanted)
    throw Error((from / "config.json").string() + ": this is a " +
                (wanted == lm::HeadKind::kScore ? "language model; use import.model"
                                                : "reward model; use import.reward_model"));
  if (!fs::exists(from / "tokenizer.json"))
    throw Error(from.string() + ": has no tokenizer.json, without which no text can be encoded");
  const lm::ModelWeights weights(from);
  weights.check_fit(config);
  lm::write_safetensors(model / "model.safetensors", weights.entries(), {},
                        [&](const lm::TensorEntry& entry, const auto& write) {
                          weights.check_finite(entry);
                          write(entry.data, entry.bytes);
                        });
  fs::copy_file(from / "config.json", model / "config.json");
  // Beside the weights, where there are any: how answers end, the scale of a reward model's scores,
  // the heads of an ensemble.
  for (const char* name : {"generation_config.json", "reward.json", "heads.safetensors"})
    copy_if_there(from / name, model / name);
  for (const char* name : kTokenizerFiles) copy_if_there(from / name, model / name);
  return config;
}

lm::ModelConfig import_gguf(const fs::path& from, const fs::path& model) {
  const lm::GgufFile file(from);
  const lm::ModelConfig config = lm::unpack_gguf_model(file, model);
  const text::Tokenizer tokenizer(lm::gguf_tokenizer(file));
  tokenizer.save(model);
  lm::write_generation_config(model, tokenizer);
  return config;
}

void describe_common(Description& d, std::string& path, const char* help, const char* type) {
  d.determinism(Determinism::exact);
  d.input_path("path", path).required().help(help);
  d.input("tokenizer", "tokenizer")
      .optional()
      .self("T")
      .help(
          "of the models it is to work with: it goes with that one too, if its ids mean the same");
  d.output("model", type).facet("tokenizer", "T");
  d.output("tokenizer", "tokenizer").self("T");
}

// Two folders hardly have the same tokenizer to the byte, so that a model goes with another one
// only where it is given it. Every id that one has must stand for the same in its own.
void check_same_ids(const text::Tokenizer& own, const text::Tokenizer& given,
                    const std::string& path) {
  for (text::TokenId id = 0; id < given.vocab_size(); ++id) {
    if (given.token_bytes(id).empty()) continue;
    if (id < own.vocab_size() && given.token_bytes(id) == own.token_bytes(id) &&
        given.is_special(id) == own.is_special(id))
      continue;
    const auto shown = [](std::string_view bytes) {
      return bytes.empty() ? "no token" : json_string(bytes);
    };
    throw Error(path + ": id " + std::to_string(id) + " is " +
                shown(id < own.vocab_size() ? own.token_bytes(id) : "") +
                " in its tokenizer, but " + shown(given.token_bytes(id)) +
                " in that of the input 'tokenizer': models with different tokenizers cannot work "
                "on the same tokens");
  }
}

void take_given_tokenizer(Context& context, const fs::path& model, const std::string& path) {
  if (!context.has_input("tokenizer")) return;
  const fs::path given = context.input("tokenizer").path;
  check_same_ids(text::Tokenizer::load(model), text::Tokenizer::load(given), path);
  for (const char* name : kTokenizerFiles) {
    fs::remove(model / name);
    copy_if_there(given / name, model / name);
  }
}

// The tokenizer by itself, which other stages encode with; checked by loading it.
void split_off_tokenizer(Context& context, const fs::path& model, const lm::ModelConfig& config) {
  const auto tokenizer = text::Tokenizer::load(model);
  if (static_cast<std::int64_t>(tokenizer.vocab_size()) > config.vocab_size)
    throw Error("the tokenizer has " + std::to_string(tokenizer.vocab_size()) +
                " ids, the model a vocabulary of " + std::to_string(config.vocab_size));
  for (const char* name : kTokenizerFiles)
    copy_if_there(model / name, context.output("tokenizer") / name);
  context.set_facet("tokenizer", "vocab_size", std::to_string(tokenizer.vocab_size()));
  context.result("parameters", static_cast<double>(config.parameters()));
  context.result("vocab_size", static_cast<double>(config.vocab_size));
}

// Whoever only completes texts with the model needs no template.
void warn_of_chat(Context& context, const text::Tokenizer& tokenizer) {
  try {
    context.info("conversations are written in the format of " + tokenizer.chat_format().name);
  } catch (const Error& error) {
    context.warning(std::string("no stage can train or ask this model in conversations: ") +
                    error.what());
  }
}

}  // namespace

void ImportModel::describe(Description& d) {
  d.summary("takes over a language model: a Hugging Face folder or a GGUF file");
  describe_common(d, path_, "folder with config.json and safetensors, or a .gguf file", "model");
  d.input_path("adapter", adapter_)
      .help("folder with a LoRA of PEFT (adapter_config.json and safetensors), merged into it");
  d.choice("role", role_, {"base", "instruct", "aligned"})
      .help("null: instruct if the model brings a chat template, else base");
  d.choice("chat", chat_, {"own", "chatml"})
      .help(
          "how conversations are written: own: as the model's chat template says (Llama 3, Qwen2, "
          "Qwen2.5, Qwen3, SmolLM2, plain ChatML); chatml: Lehr's ChatML in its place");
}

void ImportModel::check_inputs(const std::vector<Input>& inputs) {
  if (chat_ == "chatml" && connected(inputs, "tokenizer") > 0)
    throw Error(
        "chat: 'chatml' and the input 'tokenizer' exclude each other: conversations are written as "
        "the template of the tokenizer says. Give it to the stage that makes that tokenizer");
}

void ImportModel::estimate(const std::vector<Input>&, Estimate& out) {
  if (!fs::is_directory(path_)) {
    out.outputs["model"] = lm::model_facts(lm::gguf_config(lm::GgufFile(path_)), {});
    return;
  }
  // With another template the same conversation has other tokens.
  const bool own = chat_ == "own" && fs::exists(fs::path(path_) / "tokenizer.json");
  out.outputs["model"] =
      lm::model_facts(config_of(path_), own ? std::optional<fs::path>(path_) : std::nullopt);
}

void ImportModel::run(Context& context) {
  const fs::path from = path_, model = context.output("model");
  const lm::ModelConfig config = fs::is_directory(from)
                                     ? import_folder(from, lm::HeadKind::kLanguage, model)
                                     : import_gguf(from, model);
  if (adapter_) lm::merge_peft_adapter(model, *adapter_);
  const bool chats = !lm::chat_template(model).empty();
  take_given_tokenizer(context, model, path_);
  if (chat_ == "chatml") write_file(model / kTemplateFile, text::chat_template_jinja());
  split_off_tokenizer(context, model, config);
  lm::name_tokenizer_code(model, config.family);
  if (chats) warn_of_chat(context, text::Tokenizer::load(model));
  context.set_facet("model", "role", role_.value_or(chats ? "instruct" : "base"));
}

void ImportRewardModel::describe(Description& d) {
  d.summary("takes over a reward model: a Hugging Face folder with one label");
  describe_common(d, path_, "folder with config.json and safetensors", "reward_model");
}

void ImportRewardModel::estimate(const std::vector<Input>&, Estimate& out) {
  out.outputs["model"] = lm::model_facts(config_of(path_), path_);
}

void ImportRewardModel::run(Context& context) {
  const fs::path model = context.output("model");
  const lm::ModelConfig config = import_folder(path_, lm::HeadKind::kScore, model);
  lm::read_reward_heads(model);  // checked by reading them
  take_given_tokenizer(context, model, path_);
  split_off_tokenizer(context, model, config);
  lm::name_tokenizer_code(model, config.family);
}

}  // namespace lehr::plugins::import
