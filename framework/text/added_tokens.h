// Tokens that are matched in the text before BPE sees it: special ones such as <|im_end|>, and
// words that were added to a vocabulary. Follows Hugging Face's AddedVocabulary: leftmost, then
// longest match; single_word, lstrip and rstrip.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe_trainer.h"

namespace lehr::text {

struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool single_word = false, lstrip = false, rstrip = false, normalized = false, special = false;
};

// Matches one group of added tokens.
class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);

  struct Piece {
    std::string_view text;
    std::optional<TokenId> id;  // none: ordinary text
  };
  // Cuts `text` into pieces, in order. special_as_text: special tokens are not matched, and neither
  // is anything inside what they would have covered.
  void split(std::string_view text, bool special_as_text, std::vector<Piece>& pieces) const;

 private:
  const AddedToken* longest_at(std::string_view text, std::size_t at) const;
  std::size_t next_first_byte(std::string_view text, std::size_t at) const;

  std::vector<AddedToken> tokens_;                       // longest first
  std::array<std::vector<std::uint32_t>, 256> by_byte_;  // indices by first byte, longest first
  // What the first two bytes may be: some vocabularies have 800 that begin with a bracket.
  std::bitset<256 * 256> pairs_;
  std::string first_bytes_;  // each once
  bool all_special_ = true;
};

}  // namespace lehr::text
