// Ids of encoded pre-tokens, for one thread. Up to three ids stand in the word's slot; when the
// cache is full it starts afresh: natural text refills what it needs within some kilobytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/bpe_trainer.h"
#include "text/word_table.h"

namespace lehr::text {

class WordCache {
 public:
  static constexpr std::size_t kLongest = 128;  // bytes of a word that is remembered
  static constexpr std::size_t kInSlot = 3;

  struct Ids {
    std::uint32_t count;
    TokenId ids[kInSlot];  // if there are more: the place of the first in the list of the others
  };

  void prefetch(const WordKey& key) const { table_.prefetch(key); }

  // Null for a word that is not known; else valid until the next put().
  const Ids* find(const WordKey& key, std::string_view word) { return table_.find(key, word); }

  // Writes the ids and returns their end; `out` has room for kInSlot more than there are.
  template <class Id>
  Id* write(const Ids& known, Id* out) const {
    if (known.count <= kInSlot) [[likely]] {
      for (std::size_t i = 0; i < kInSlot; ++i) out[i] = static_cast<Id>(known.ids[i]);
      return out + known.count;
    }
    const TokenId* const first = more_.data() + known.ids[0];
    return std::transform(first, first + known.count, out,
                          [](TokenId id) { return static_cast<Id>(id); });
  }

  void put(const WordKey& key, std::string_view word, std::span<const TokenId> ids) {
    if (word.size() > kLongest) return;
    if (table_.size() == kWords || more_.size() > kMore) {
      table_.clear();
      more_.clear();
    }
    Ids& known = table_.add(key, word);
    known.count = static_cast<std::uint32_t>(ids.size());
    if (ids.size() <= kInSlot) {
      std::copy(ids.begin(), ids.end(), known.ids);
    } else {
      known.ids[0] = static_cast<TokenId>(more_.size());
      more_.insert(more_.end(), ids.begin(), ids.end());
    }
  }

  std::vector<TokenId>& scratch() { return scratch_; }

 private:
  static constexpr std::size_t kWords = 640 << 10, kMore = 2 << 20;  // 32 MiB of slots, 8 of ids

  WordTable<Ids> table_;
  std::vector<TokenId> more_, scratch_;
};

}  // namespace lehr::text
