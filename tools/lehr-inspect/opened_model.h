// A model with its tokenizer, a language or a reward model: a Hugging Face folder (an artifact is
// one) or a GGUF file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lm/model.h"
#include "request.h"
#include "text/tokenizer.h"

namespace lehr::inspect {

struct OpenedModel {
  lm::Model model;
  text::Tokenizer tokenizer;
  std::vector<std::int32_t> stop_tokens;  // end of text and of a turn
};

// Throws std::runtime_error naming the file and what of it is missing or not supported.
OpenedModel open_model(const std::filesystem::path& path, lm::Precision precision);

// Special tokens in the text count as such. In a chat the text is a user's message, and the
// assistant's turn begins.
std::vector<std::int32_t> prompt_ids(const OpenedModel& opened, const Request& request);
// Throws lehr::Error where there is nothing, or more than the context holds.
std::vector<std::int32_t> checked_prompt(const OpenedModel& opened,
                                         const std::vector<text::TokenId>& ids);

std::vector<text::TokenId> token_ids(const std::vector<std::int32_t>& ids);

}  // namespace lehr::inspect
