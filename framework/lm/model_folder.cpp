#include "lm/model_folder.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lm/checkpoint.h"
#include "lm/peft_adapter.h"

namespace lehr::lm {

void save_model_folder(const std::filesystem::path& dir, const Model& model,
                       const text::Tokenizer& tokenizer) {
  if (model.has_adapter()) save_adapter(dir / "adapter", model);
  model.save(dir);
  tokenizer.save(dir);
  write_generation_config(dir, tokenizer);
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
  if (std::ifstream file(dir / "chat_template.jinja", std::ios::binary); file) {
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
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
