// Tokens in the JSON of every view: {"id", "token"}; token in quotes as the terminal shows it, so
// that bytes which are no text survive.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>

#include "distribution.h"
#include "text/tokenizer.h"
#include "text/visible_text.h"

namespace lehr::inspect {

using Json = nlohmann::ordered_json;

// What stands for a token: a model's vocabulary may be larger than its tokenizer's.
inline std::string piece(const text::Tokenizer& tokenizer, std::int32_t id) {
  const auto token = static_cast<text::TokenId>(id);
  if (token >= tokenizer.vocab_size() || tokenizer.token_bytes(token).empty()) return "(unused)";
  return tokenizer.is_special(token) ? text::visible(tokenizer.token_bytes(token))
                                     : text::quoted_piece(tokenizer.token_bytes(token));
}

inline Json token_json(const text::Tokenizer& tokenizer, std::int32_t id) {
  return {{"id", id}, {"token", piece(tokenizer, id)}};
}

inline Json token_json(const text::Tokenizer& tokenizer, const Candidate& candidate) {
  Json out = token_json(tokenizer, candidate.id);
  out["probability"] = std::exp(candidate.logprob);
  out["logprob"] = candidate.logprob;
  return out;
}

inline Json tokens_json(const text::Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
  Json out = Json::array();
  for (const std::int32_t id : ids) out.push_back(token_json(tokenizer, id));
  return out;
}

}  // namespace lehr::inspect
