// Encodes one pre-token by byte-level BPE, exactly as Hugging Face's tokenizers (a list of merges)
// or as tiktoken (ranks of tokens) do: the possible merge of lowest rank first, leftmost first
// among equals, until none is left.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <xxhash.h>
#include <boost/unordered/unordered_flat_map.hpp>

#include "text/bpe_trainer.h"
#include "text/zeroed_pages.h"

namespace lehr::text {

// What stands for a byte that has no token; without an id it is left out.
struct UnknownToken {
  std::optional<TokenId> id;
  bool fused = false;  // one for all bytes in a row
};

class BpeEncoder {
 public:
  using Pairs = std::vector<std::pair<TokenId, TokenId>>;

  // tokens: bytes by id, an empty string where an id is not used. merges: each pair's text joined
  // must be a token; for rank_concat all pairs of which that is true. ignore_merges: a pre-token
  // that is a token is that token, whatever the merges; always so for rank_concat. A byte that has
  // no token is left out of the text, as Hugging Face's tokenizers do (SmolLM2's has no control
  // characters), or becomes `unknown`; printable ASCII must be there.
  // Throws lehr::Error if it is not, or if a merge makes no token.
  BpeEncoder(const std::vector<std::string>& tokens, const Pairs& merges, bool ignore_merges,
             Merging merging = Merging::merge_list, const UnknownToken& unknown = {});

  // Appends the ids of `word`. O(n log n).
  void encode(std::string_view word, std::vector<TokenId>& ids) const;

 private:
  struct Merge {
    std::uint32_t rank;  // kNone: the two do not merge
    TokenId result;
  };
  struct Slot {
    std::uint64_t pair;
    Merge merge;
  };
  struct Hash {
    using is_avalanching = void;
    using is_transparent = void;
    std::size_t operator()(std::string_view word) const {
      return XXH3_64bits(word.data(), word.size());
    }
  };
  using Ids = boost::unordered_flat_map<std::string, TokenId, Hash, std::equal_to<>>;

  BpeEncoder(Ids ids, const UnknownToken& unknown);
  static Ids ids_of(const std::vector<std::string>& tokens);
  void set_merges(const std::vector<std::pair<std::uint64_t, Merge>>& merges);
  Merge find(TokenId left, TokenId right) const;
  void encode_known(std::string_view word, std::vector<TokenId>& ids) const;
  void encode_short(std::string_view word, std::vector<TokenId>& ids) const;
  void encode_long(std::string_view word, std::vector<TokenId>& ids) const;

  std::array<TokenId, 256> bytes_{};
  std::string missing_;            // bytes without a token, but those that are each `unknown`
  bool keeps_first_missing_;       // of several in a row
  std::vector<Merge> byte_pairs_;  // of two bytes: first * 256 + second
  // Open addressing. Most pairs that are asked for do not merge, and the table of a large
  // vocabulary fits no cache: of those, the bits, which do, let one in ten through.
  ZeroedPages slots_, bits_;
  std::uint64_t slot_mask_ = 0;
  unsigned slot_shift_ = 0, bit_shift_ = 0;  // the upper bits of a pair's hash are its place
  Ids whole_;                                // filled for ignore_merges and rank_concat
};

}  // namespace lehr::text
