// Pre-tokens and what is known of each: an open-addressing table made for short words. A word of up
// to 15 bytes is its own key, held in its slot (its bytes, zeros, its length), so that a probe
// reads one cache line and compares two registers. A longer one is known by its hash and compared
// with its bytes, kept aside. No word is empty. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include <xxhash.h>

#include "text/pretokenizer.h"
#include "text/zeroed_pages.h"

namespace lehr::text {

struct WordKey {
  std::uint64_t low, high;  // high's last byte: the length, or kLong
  std::uint64_t hash;
};

namespace word_key {

inline constexpr std::size_t kShort = 15;
inline constexpr std::uint64_t kLong = std::uint64_t{0xFF} << 56;

// By length: which bytes of the first and of the second eight belong to the word.
struct Masks {
  std::array<std::uint64_t, kShort + 1> low{}, high{}, length{};
  constexpr Masks() {
    for (std::size_t n = 0; n <= kShort; ++n) {
      low[n] = n >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * n) - 1;
      high[n] = n <= 8 ? 0 : (std::uint64_t{1} << 8 * (n - 8)) - 1;
      length[n] = std::uint64_t{n} << 56;
    }
  }
};
inline constexpr Masks kMasks;

inline std::uint64_t mix(std::uint64_t low, std::uint64_t high) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{low ^ 0x9E3779B97F4A7C15u} * (high ^ 0xD6E8FEB86659FD93u);
  return static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
}

// readable: bytes from word.data() on that may be read, at least word.size().
inline WordKey of(std::string_view word, std::size_t readable) {
  if (word.size() > kShort) {
    const std::uint64_t hash = XXH3_64bits(word.data(), word.size());
    return {hash, kLong, hash};
  }
  std::uint64_t eights[2] = {0, 0};
  if (readable >= 16) [[likely]]
    std::memcpy(eights, word.data(), 16);
  else
    std::memcpy(eights, word.data(), word.size());
  const std::uint64_t low = eights[0] & kMasks.low[word.size()];
  const std::uint64_t high = (eights[1] & kMasks.high[word.size()]) | kMasks.length[word.size()];
  return {low, high, mix(low, high)};
}

}  // namespace word_key

template <class Value>
class WordTable {
 public:
  struct Slot {
    std::uint64_t low, high;  // of WordKey; a long word's high holds its place among the bytes
    Value value;
    bool is_used() const { return high != 0; }
  };

  explicit WordTable(std::size_t slots = 1 << 10)  // a power of two
      : pages_(slots * sizeof(Slot)), mask_(slots - 1) {}

  void prefetch(const WordKey& key) const { __builtin_prefetch(slots() + (key.hash & mask_)); }

  // The value of `word`, or null. Valid until the next add() or clear().
  Value* find(const WordKey& key, std::string_view word) {
    Slot* const slot = place_of(key, word);
    return slot->is_used() ? &slot->value : nullptr;
  }

  // For a word that is not there.
  Value& add(const WordKey& key, std::string_view word) {
    if (used_ * 8 >= (mask_ + 1) * 5) grow();
    Slot* const slot = place_of(key, word);
    slot->low = key.low;
    slot->high = key.high == word_key::kLong ? word_key::kLong | keep(word) : key.high;
    ++used_;
    return slot->value;
  }

  void clear() {
    std::memset(pages_.as<void>(), 0, pages_.bytes());
    used_ = 0;
    long_words_.clear();
  }

  std::size_t size() const { return used_; }
  std::size_t bytes() const { return pages_.bytes() + long_words_.capacity(); }

  // Calls each(std::string_view, Value&) for every word, in the order of the table. The views are
  // valid as long as nothing is added.
  template <class Each>
  void for_each(Each each) {
    for (Slot* slot = slots(); slot <= slots() + mask_; ++slot)
      if (slot->is_used()) each(word_in(*slot), slot->value);
  }

 private:
  Slot* slots() const { return pages_.as<Slot>(); }

  static bool is_long(const Slot& slot) { return slot.high >= word_key::kLong; }
  std::string_view word_in(const Slot& slot) const {
    if (!is_long(slot)) return {reinterpret_cast<const char*>(&slot.low), slot.high >> 56};
    const char* const at = long_words_.data() + (slot.high & ~word_key::kLong);
    std::uint64_t size;
    std::memcpy(&size, at, sizeof size);
    return {at + sizeof size, size};
  }

  // The slot of the word, or the empty one it would get.
  Slot* place_of(const WordKey& key, std::string_view word) const {
    for (std::uint64_t i = key.hash;; ++i) {
      Slot* const slot = slots() + (i & mask_);
      if (!slot->is_used()) return slot;
      if (slot->low != key.low) continue;
      if (slot->high == key.high && key.high != word_key::kLong) return slot;
      if (key.high == word_key::kLong && is_long(*slot) && word_in(*slot) == word) return slot;
    }
  }

  std::uint64_t keep(std::string_view word) {
    const std::uint64_t place = long_words_.size(), size = word.size();
    const char* const bytes = reinterpret_cast<const char*>(&size);
    long_words_.insert(long_words_.end(), bytes, bytes + sizeof size);
    long_words_.insert(long_words_.end(), word.begin(), word.end());
    return place;
  }

  void grow() {
    ZeroedPages old = std::exchange(pages_, ZeroedPages(2 * pages_.bytes()));
    const std::size_t count = mask_ + 1;
    mask_ = 2 * count - 1;
    for (const Slot* slot = old.as<Slot>(); slot < old.as<Slot>() + count; ++slot) {
      if (!slot->is_used()) continue;
      const std::uint64_t hash = is_long(*slot) ? slot->low : word_key::mix(slot->low, slot->high);
      std::uint64_t i = hash & mask_;
      while (slots()[i].is_used()) i = (i + 1) & mask_;
      slots()[i] = *slot;
    }
  }

  ZeroedPages pages_;
  std::uint64_t mask_;
  std::size_t used_ = 0;
  std::vector<char> long_words_;  // u64 length, bytes
};

// Calls each(std::string_view word, const WordKey&) for the pre-tokens of `text`, in order. Their
// slots in `table` (a WordTable, or what has its prefetch) are on their way from memory by then.
template <class Table, class Each>
void for_each_word(const Pretokenizer& pretokenizer, std::string_view text, const Table& table,
                   Each each) {
  PretokenCutter cutter(pretokenizer, text);
  WordKey keys[PretokenCutter::kMost];
  std::size_t first = 0;
  for (auto ends = cutter.next(); !ends.empty(); ends = cutter.next()) {
    std::size_t begin = first;
    for (std::size_t i = 0; i < ends.size(); begin = ends[i++]) {
      keys[i] = word_key::of({text.data() + begin, ends[i] - begin}, text.size() - begin);
      table.prefetch(keys[i]);
    }
    for (std::size_t i = 0; i < ends.size(); first = ends[i++])
      each(std::string_view(text.data() + first, ends[i] - first), keys[i]);
  }
}

}  // namespace lehr::text
