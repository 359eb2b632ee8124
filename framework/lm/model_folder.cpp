#include "lm/model_folder.h"

#include <lehr/value.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lm/checkpoint.h"
#include "lm/peft_adapter.h"
#include "text/tokenizer_json.h"

namespace lehr::lm {
namespace {

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw Error("cannot read '" + path.string() + "'");
  return std::move(text).str();
}

void write_text(const std::filesystem::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw Error("cannot write '" + path.string() + "'");
}

}  // namespace

void save_model_folder(const std::filesystem::path& dir, const Model& model,
                       const text::Tokenizer& tokenizer) {
  if (model.has_adapter()) save_adapter(dir / "adapter", model);
  model.save(dir);
  tokenizer.save(dir);
  name_tokenizer_code(dir, model.config().family);
  write_generation_config(dir, tokenizer);
}

void name_tokenizer_code(const std::filesystem::path& dir, Family family) {
  const std::filesystem::path file = dir / "tokenizer_config.json";
  if (family != Family::kQwen2 || !std::filesystem::exists(file)) return;
  const std::string config = read_text(file), naming = text::with_tokenizer_code(config);
  if (naming == config) return;
  write_text(file, naming);
  write_text(dir / text::kTokenizerCodeFile, text::tokenizer_code());
}

void write_generation_config(const std::filesystem::path& dir, const text::Tokenizer& tokenizer) {
  nlohmann::ordered_json stops = nlohmann::ordered_json::array();
  if (const auto end_of_turn = tokenizer.im_end()) stops.push_back(*end_of_turn);
  stops.push_back(tokenizer.end_of_text());
  nlohmann::json generation = {{"_from_model_config", false}, {"eos_token_id", stops}};
  if (const auto pad = tokenizer.pad()) generation["pad_token_id"] = *pad;
  write_state(dir / "generation_config.json", generation);
}

std::string chat_template(const std::filesystem::path& dir) {
  if (std::filesystem::exists(dir / "chat_template.jinja"))
    return read_text(dir / "chat_template.jinja");
  if (!std::filesystem::exists(dir / "tokenizer_config.json")) return "";
  const nlohmann::json config = read_state(dir / "tokenizer_config.json");
  const auto found = config.find("chat_template");
  if (found == config.end()) return "";
  if (found->is_string()) return found->get<std::string>();
  for (const nlohmann::json& named : *found)
    if (named.is_object() && named.value("name", "") == "default")
      return named.value("template", "");
  return "";
}

}  // namespace lehr::lm
