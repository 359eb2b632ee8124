#include "opened_model.h"

#include <lehr/value.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lm/checkpoint.h"
#include "lm/gguf_model.h"
#include "lm/gguf_tokenizer.h"
#include "text/chat.h"

namespace lehr::inspect {
namespace {

namespace fs = std::filesystem;

std::vector<std::int32_t> stop_tokens(const text::Tokenizer& tokenizer, const fs::path& folder) {
  std::vector<std::int32_t> stops = {static_cast<std::int32_t>(tokenizer.end_of_text())};
  if (const auto end = tokenizer.im_end()) stops.push_back(static_cast<std::int32_t>(*end));
  if (fs::exists(folder / "generation_config.json")) {
    const auto config = lm::read_state(folder / "generation_config.json");
    const auto more = config.value("eos_token_id", nlohmann::json());
    for (const auto& id : more.is_array() ? more : nlohmann::json::array({more}))
      if (id.is_number_integer()) stops.push_back(id.get<std::int32_t>());
  }
  return stops;
}

}  // namespace

OpenedModel open_model(const fs::path& path, lm::Precision precision) {
  if (fs::is_directory(path)) {
    lm::Model model = lm::Model::load(path, precision);
    text::Tokenizer tokenizer = text::Tokenizer::load(path);
    std::vector<std::int32_t> stops = stop_tokens(tokenizer, path);
    return {std::move(model), std::move(tokenizer), std::move(stops)};
  }
  const lm::GgufFile file(path);
  text::Tokenizer tokenizer(lm::gguf_tokenizer(file));
  std::vector<std::int32_t> stops = stop_tokens(tokenizer, {});
  return {lm::load_gguf_model(file, precision), std::move(tokenizer), std::move(stops)};
}

std::vector<std::int32_t> prompt_ids(const OpenedModel& opened, const Request& request) {
  if (!request.chat)
    return checked_prompt(opened, opened.tokenizer.encode(request.text, text::Specials::match));
  text::Tokenizer::Cache cache;
  return checked_prompt(opened, text::render_prompt(opened.tokenizer, asked(request), cache));
}

std::vector<std::int32_t> checked_prompt(const OpenedModel& opened,
                                         const std::vector<text::TokenId>& ids) {
  if (ids.empty()) throw Error("the text is empty: there is nothing to predict from");
  const auto context = static_cast<std::size_t>(opened.model.config().max_position_embeddings);
  if (ids.size() >= context)
    throw Error("the text has " + std::to_string(ids.size()) + " tokens, and the model sees " +
                std::to_string(context) + " with what it predicts. Shorten it");
  return {ids.begin(), ids.end()};
}

std::vector<text::TokenId> token_ids(const std::vector<std::int32_t>& ids) {
  return {ids.begin(), ids.end()};
}

}  // namespace lehr::inspect
