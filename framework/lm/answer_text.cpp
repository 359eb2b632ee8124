#include "lm/answer_text.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace lehr::lm {

std::string answer_text(const text::Tokenizer& tokenizer, std::span<const int32_t> tokens,
                        bool skip_special) {
  std::vector<text::TokenId> ids;
  std::copy_if(tokens.begin(), tokens.end(), std::back_inserter(ids),
               [&](int32_t id) { return static_cast<size_t>(id) < tokenizer.vocab_size(); });
  return tokenizer.decode(ids, skip_special);
}

}  // namespace lehr::lm
