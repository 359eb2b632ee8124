#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include "import_model.h"
#include "lm/byte_model_test.h"
#include "lm/checkpoint.h"
#include "lm/fake_host.h"
#include "lm/model_folder.h"
#include "lm/peft_adapter.h"
#include "lm/reward_scores.h"
#include "lm/safetensors.h"
#include "lm/training_estimate.h"
#include "text/chat_format.h"
#include "text/fake_host.h"

namespace lehr::plugins::import {
namespace {

using Json = nlohmann::json;

// A model folder whose template is where a test puts it.
class ImportFolder : public testing::Test {
 protected:
  void SetUp() override {
    const text::Tokenizer tokenizer = lm::byte_tokenizer();
    const lm::ModelConfig config = lm::byte_model(tokenizer, 64);
    std::filesystem::create_directory(folder_);
    lm::save_model_folder(folder_, lm::Model::create(config, 1), tokenizer);
    std::filesystem::remove(folder_ / "chat_template.jinja");
  }
  void configure(const Json& chat_template) {
    Json config = lm::read_state(folder_ / "tokenizer_config.json");
    config["chat_template"] = chat_template;
    lm::write_state(folder_ / "tokenizer_config.json", config);
  }
  std::string role(const char* chat = "own") {
    const text::ValueTree values(Json{{"path", folder_.string()}, {"chat", chat}});
    host_.parameters = values.root();
    std::filesystem::remove_all(host_.root / "out");
    Context context(&host_, lm::fake_host());
    detail::bind<ImportModel>(values.root())->run(context);
    return host_.facets.at("model.role");
  }

  lehr_context host_;
  const std::filesystem::path folder_ = host_.root / "from";
};

TEST_F(ImportFolder, TellsTheShapeOfTheModelBeforeItIsMade) {
  const text::ValueTree values(Json{{"path", folder_.string()}});
  Estimate estimate;
  detail::bind<ImportModel>(values.root())->estimate({}, estimate);
  EXPECT_EQ(estimate.outputs.at("model"), lm::model_facts(lm::read_config(folder_), folder_));

  const text::ValueTree nowhere(Json{{"path", (folder_ / "none.gguf").string()}});
  EXPECT_ANY_THROW(detail::bind<ImportModel>(nowhere.root())->estimate({}, estimate));
}

TEST_F(ImportFolder, RefusesWeightsThatAreNotFinite) {
  lm::Model model = lm::Model::load(folder_);
  model.parameter("model.norm.weight").fill_(std::numeric_limits<float>::quiet_NaN());
  model.save(folder_);
  try {
    role();
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(
        std::string(error.what()).find("'model.norm.weight' holds values that are not finite"),
        std::string::npos)
        << error.what();
  }
}

TEST_F(ImportFolder, MergesAnAdapterThatPeftTrained) {
  const std::filesystem::path adapter = host_.root / "adapter";
  lm::Model model = lm::Model::load(folder_, lm::Precision::kFp32);
  lm::LoraOptions lora;
  lora.rank = 2;
  lora.alpha = 3;
  lora.targets = {"q_proj", "down_proj"};
  model.add_adapter(lora, 1);
  model.trained().weights.copy_(at::linspace(-0.5, 0.5, model.trained().weights.numel()));
  lm::save_adapter(adapter, model);
  const auto import = [&]() -> std::string {
    const text::ValueTree values(Json{{"path", folder_.string()}, {"adapter", adapter.string()}});
    host_.parameters = values.root();
    std::filesystem::remove_all(host_.root / "out");
    Context context(&host_, lm::fake_host());
    try {
      detail::bind<ImportModel>(values.root())->run(context);
      return "";
    } catch (const std::exception& error) {
      return error.what();
    }
  };
  ASSERT_EQ(import(), "");
  const lm::Model merged = lm::Model::load(host_.root / "out/model", lm::Precision::kFp32);
  EXPECT_FALSE(merged.weights().equal(lm::Model::load(folder_, lm::Precision::kFp32).weights()));
  model.merge_adapter();
  EXPECT_TRUE(merged.weights().allclose(model.weights(), 1e-6, 1e-6));

  const Json plain = lm::read_state(adapter / "adapter_config.json");
  const std::pair<const char*, Json> others[] = {{"use_dora", true},
                                                 {"rank_pattern", {{"q_proj", 4}}},
                                                 {"alpha_pattern", {{"q_proj", 4}}},
                                                 {"modules_to_save", {"lm_head"}},
                                                 {"bias", "all"},
                                                 {"fan_in_fan_out", true},
                                                 {"init_lora_weights", "pissa"},
                                                 {"peft_type", "IA3"},
                                                 {"task_type", "SEQ_CLS"},
                                                 {"of_tomorrow", 1},
                                                 {"r", 3}};
  for (const auto& [key, value] : others) {
    Json config = plain;
    config[key] = value;
    lm::write_state(adapter / "adapter_config.json", config);
    EXPECT_NE(import().find(key == std::string("r") ? "shape of that weight and rank 3"
                                                    : "'" + std::string(key) + ": " + value.dump()),
              std::string::npos)
        << key << ": " << import();
  }
}

TEST_F(ImportFolder, SaysWhereAnAdapterGoesThatIsNamedAsTheModel) {
  std::filesystem::remove(folder_ / "config.json");
  std::ofstream(folder_ / "adapter_config.json") << "{}";
  const auto refusal = [&](bool planned) -> std::string {
    const text::ValueTree values(Json{{"path", folder_.string()}});
    Estimate estimate;
    try {
      planned ? detail::bind<ImportModel>(values.root())->estimate({}, estimate) : (void)role();
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  };
  for (const bool planned : {true, false})
    EXPECT_TRUE(refusal(planned).ends_with("as 'path', and this one as 'adapter'"))
        << refusal(planned);
}

TEST_F(ImportFolder, RefusesATiedHeadThatSaysSomethingElse) {
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  lm::ModelConfig untied = lm::byte_model(tokenizer, 64);
  untied.tie_word_embeddings = false;
  lm::save_model_folder(folder_, lm::Model::create(untied, 1), tokenizer);
  Json config = lm::read_state(folder_ / "config.json");
  config["tie_word_embeddings"] = true;
  lm::write_state(folder_ / "config.json", config);
  try {
    role();
    FAIL() << "the head would be lost";
  } catch (const std::exception& error) {
    EXPECT_NE(std::string(error.what()).find("'lm_head.weight' is other than"), std::string::npos)
        << error.what();
  }
  {
    const lm::SafetensorsFile file(folder_ / "model.safetensors");
    std::vector<lm::TensorEntry> entries = file.entries();
    const auto named = [&](const char* name) -> lm::TensorEntry& {
      return *std::find_if(entries.begin(), entries.end(),
                           [&](const lm::TensorEntry& entry) { return entry.name == name; });
    };
    named("lm_head.weight").data = named("model.embed_tokens.weight").data;
    lm::write_safetensors(folder_ / "same.safetensors", entries);
  }
  std::filesystem::rename(folder_ / "same.safetensors", folder_ / "model.safetensors");
  EXPECT_EQ(role(), "instruct");
}

TEST_F(ImportFolder, KeepsTheScaleOfARewardModelsScoresAndItsHeads) {
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  lm::save_model_folder(
      folder_, lm::Model::create(lm::byte_model(tokenizer, 64), 1).with_score_head(2), tokenizer);
  const at::Tensor heads = at::ones({2, 8});
  lm::write_reward_heads(folder_, {heads, {{1, 2}, {3, 4}}}, {3, 2});
  const text::ValueTree values(Json{{"path", folder_.string()}});
  host_.parameters = values.root();
  Context context(&host_, lm::fake_host());
  detail::bind<ImportRewardModel>(values.root())->run(context);
  EXPECT_EQ(lm::read_reward_scale(host_.root / "out/model").mean, 3);
  EXPECT_TRUE(lm::read_reward_heads(host_.root / "out/model")->weights.equal(heads));
}

TEST_F(ImportFolder, GoesWithAGivenTokenizerWhoseIdsMeanTheSame) {
  const auto import = [&](const text::Tokenizer& given, const char* chat = "own") {
    const std::filesystem::path tokenizer = host_.root / "given";
    std::filesystem::remove_all(tokenizer);
    std::filesystem::create_directory(tokenizer);
    given.save(tokenizer);
    host_.inputs = {{"tokenizer", tokenizer.string()}};
    return role(chat);
  };
  // Its own says less: no template. Then both are the given one, to the byte.
  EXPECT_EQ(import(lm::byte_tokenizer()), "base");
  for (const char* file : {"given/chat_template.jinja", "out/model/chat_template.jinja",
                           "out/tokenizer/chat_template.jinja"})
    EXPECT_TRUE(std::filesystem::exists(host_.root / file)) << file;
  const text::ValueTree chatml(Json{{"path", folder_.string()}, {"chat", "chatml"}});
  Input tokenizer;
  tokenizer.port = "tokenizer";
  EXPECT_THROW(detail::bind<ImportModel>(chatml.root())->check_inputs({tokenizer}), Error);

  text::BpeOptions other;
  other.special_tokens = {"<|other|>", "<|endoftext|>"};
  other.vocab_size = 258;
  try {
    import(text::Tokenizer(text::train_bpe({}, text::Pattern::gpt2, other)));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("in that of the input 'tokenizer'"), std::string::npos)
        << error.what();
  }
}

TEST_F(ImportFolder, TalksAsItsOwnTemplateSaysOrInChatMl) {
  configure("{{ messages }}");
  EXPECT_EQ(role("own"), "instruct");
  EXPECT_THROW(text::Tokenizer::load(host_.root / "out" / "model").chat_format(), Error);
  EXPECT_EQ(role("chatml"), "instruct");
  EXPECT_EQ(text::Tokenizer::load(host_.root / "out" / "model").chat_format().name, "ChatML");
  EXPECT_EQ(lm::chat_template(host_.root / "out" / "model"), text::chat_template_jinja());
}

TEST_F(ImportFolder, WithAChatTemplateIsInstructWhereverTheTemplateIsKept) {
  EXPECT_EQ(role(), "base");
  configure("{{ messages }}");
  EXPECT_EQ(role(), "instruct");
  EXPECT_EQ(lm::chat_template(folder_), "{{ messages }}");
  configure({{{"name", "tool_use"}, {"template", "tools"}},
             {{"name", "default"}, {"template", "plain"}}});
  EXPECT_EQ(role(), "instruct");
  EXPECT_EQ(lm::chat_template(folder_), "plain");
  configure(nullptr);
  EXPECT_EQ(role(), "base");
  std::ofstream(folder_ / "chat_template.jinja") << "a file";
  EXPECT_EQ(role(), "instruct");
  EXPECT_EQ(lm::chat_template(folder_), "a file");
}

}  // namespace
}  // namespace lehr::plugins::import
