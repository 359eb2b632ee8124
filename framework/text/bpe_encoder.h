// Splits one pre-token into token ids by the merge list: the pair with the lowest rank merges
// first, the leftmost of equals first, until no pair is in the list. Immutable; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "text/bpe_trainer.h"

namespace lehr::text {

class BpeEncoder {
 public:
  // tokens: bytes by id, an empty string where an id is not used. merges: each pair's text joined
  // must be a token. ignore_merges: a pre-token that is a token is that token, whatever the merges.
  // Throws lehr::Error if a byte has no token or a merge makes none.
  BpeEncoder(const std::vector<std::string>& tokens,
             const std::vector<std::pair<TokenId, TokenId>>& merges, bool ignore_merges);

  // Appends the ids of `word`. O(n log n).
  void encode(std::string_view word, std::vector<TokenId>& ids) const;

 private:
  struct Merge {
    std::uint32_t rank;
    TokenId result;
  };
  const Merge* find(TokenId left, TokenId right) const;
  void encode_short(std::string_view word, std::vector<TokenId>& ids) const;
  void encode_long(std::string_view word, std::vector<TokenId>& ids) const;

  std::array<TokenId, 256> bytes_{};
  boost::unordered_flat_map<std::uint64_t, Merge> merges_;
  boost::unordered_flat_map<std::string, TokenId> whole_;  // filled for ignore_merges
};

}  // namespace lehr::text
