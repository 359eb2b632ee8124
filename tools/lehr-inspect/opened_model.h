// A model with its tokenizer: a Hugging Face folder (an artifact is one) or a GGUF file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lm/model.h"
#include "text/tokenizer.h"

namespace lehr::inspect {

struct OpenedModel {
  lm::Model model;
  text::Tokenizer tokenizer;
  std::vector<std::int32_t> stop_tokens;  // end of text and of a turn
};

// Throws std::runtime_error naming the file and what of it is missing or not supported.
OpenedModel open_model(const std::filesystem::path& path, lm::Precision precision);

// Special tokens in the text count as such. chat: the text is a user's message, and the assistant's
// turn begins. Throws lehr::Error where that leaves nothing, or more than the context holds.
std::vector<std::int32_t> prompt_ids(const OpenedModel& opened, const std::string& text, bool chat);

std::vector<text::TokenId> token_ids(const std::vector<std::int32_t>& ids);

}  // namespace lehr::inspect
