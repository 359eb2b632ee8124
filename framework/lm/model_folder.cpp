#include "lm/model_folder.h"

#include <nlohmann/json.hpp>

#include "lm/checkpoint.h"
#include "lm/peft_adapter.h"

namespace lehr::lm {

void save_model_folder(const std::filesystem::path& dir, const Model& model,
                       const text::Tokenizer& tokenizer) {
  if (model.has_adapter()) {
    save_adapter(dir / "adapter", model);
    Model merged = model.clone();
    merged.merge_adapter();
    merged.save(dir);
  } else {
    model.save(dir);
  }
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

}  // namespace lehr::lm
