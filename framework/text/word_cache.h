// Ids of encoded pre-tokens, which all threads that encode with one tokenizer remember together: in
// a table each for itself, all would meet, merge and keep most words again. Up to three ids stand
// in the word's slot. A table that is full gives way to one of twice the size, the largest to an
// empty one: natural text refills what it needs within some kilobytes.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "text/bpe_trainer.h"
#include "text/word_table.h"
#include "text/zeroed_pages.h"

namespace lehr::text {

// Words are added by any number of threads at once and never change, so that they are found without
// a lock. As WordTable, which is for one thread.
class SharedWords {
 public:
  static constexpr std::size_t kInSlot = 3;
  struct Ids {
    std::uint32_t count;
    TokenId ids[kInSlot];  // if there are more: the place of the first among the bytes
  };

  explicit SharedWords(std::size_t slots)  // a power of two
      : slots_(slots * sizeof(Slot)), bytes_(slots * kBytesOfASlot), mask_(slots - 1) {}

  std::size_t slots() const { return mask_ + 1; }
  void prefetch(const WordKey& key) const {
    __builtin_prefetch(slots_.as<Slot>() + (key.hash & mask_));
  }

  const Ids* find(const WordKey& key, std::string_view word) const {
    for (std::uint64_t i = key.hash; i - key.hash < kMostSteps; ++i) {
      const Slot& slot = slots_.as<Slot>()[i & mask_];
      const std::uint64_t high = slot.high.load(std::memory_order_acquire);
      if (high == 0) return nullptr;
      if (is(slot, high, key, word)) return &slot.ids;
    }
    return nullptr;
  }

  const TokenId* ids_at(TokenId place) const {
    return reinterpret_cast<const TokenId*>(bytes_.as<const char>() + place);
  }

  // False if there is no room. Nothing happens if the word is there.
  bool add(const WordKey& key, std::string_view word, std::span<const TokenId> ids) {
    if (used_.load(std::memory_order_relaxed) * 8 >= slots() * 5) return false;
    for (std::uint64_t i = key.hash; i - key.hash < kMostSteps; ++i) {
      Slot& slot = slots_.as<Slot>()[i & mask_];
      std::uint64_t high = slot.high.load(std::memory_order_acquire);
      if (high == 0 && slot.high.compare_exchange_strong(high, kBegun, std::memory_order_acq_rel)) {
        const bool whole = fill(slot, key, word, ids);
        used_.fetch_add(1, std::memory_order_relaxed);
        return whole;
      }
      if (is(slot, high, key, word)) return true;
    }
    return false;
  }

  // Takes over what another one has; no other thread may see this one.
  void add_all(const SharedWords& from) {
    for (std::size_t i = 0; i < from.slots(); ++i) {
      const Slot& slot = from.slots_.as<Slot>()[i];
      const std::uint64_t high = slot.high.load(std::memory_order_acquire);
      if (high == 0 || high == kBegun) continue;
      const bool is_long = high >= word_key::kLong;
      const std::string_view word = from.word_in(slot, high);
      const WordKey key = {slot.low, is_long ? word_key::kLong : high,
                           is_long ? slot.low : word_key::mix(slot.low, high)};
      const Ids& ids = slot.ids;
      add(key, word, {ids.count <= kInSlot ? ids.ids : from.ids_at(ids.ids[0]), ids.count});
    }
  }

 private:
  struct Slot {
    std::uint64_t low;
    // 0: the slot is free; else as in WordTable, once the rest of the slot is as it stays.
    std::atomic<std::uint64_t> high;
    Ids ids;
  };
  static constexpr std::uint64_t kBegun = std::uint64_t{0xFE} << 56;  // no word has this length
  static constexpr std::size_t kBytesOfASlot = 32, kMostSteps = 1 << 10;

  bool is(const Slot& slot, std::uint64_t high, const WordKey& key, std::string_view word) const {
    if (key.high != word_key::kLong) return high == key.high && slot.low == key.low;
    return high >= word_key::kLong && slot.low == key.low && word_in(slot, high) == word;
  }
  std::string_view word_in(const Slot& slot, std::uint64_t high) const {
    if (high < word_key::kLong) return {reinterpret_cast<const char*>(&slot.low), high >> 56};
    const char* const at = bytes_.as<const char>() + (high & ~word_key::kLong);
    std::uint32_t size;
    std::memcpy(&size, at, sizeof size);
    return {at + sizeof size, size};
  }

  // Room for `size` bytes among those that are kept aside; null: there is none.
  char* keep(std::size_t size) {
    const std::size_t rounded = (size + 3) / 4 * 4;
    const std::size_t at = kept_.fetch_add(rounded, std::memory_order_relaxed);
    return at + rounded <= bytes_.bytes() ? bytes_.as<char>() + at : nullptr;
  }

  // A slot for which there is no room stays begun.
  bool fill(Slot& slot, const WordKey& key, std::string_view word, std::span<const TokenId> ids) {
    std::uint64_t high = key.high;
    const auto place = [&](const char* at) {
      return static_cast<std::uint64_t>(at - bytes_.as<const char>());
    };
    if (high == word_key::kLong) {
      const auto size = static_cast<std::uint32_t>(word.size());
      char* const at = keep(sizeof size + word.size());
      if (at == nullptr) return false;
      std::memcpy(at, &size, sizeof size);
      std::memcpy(at + sizeof size, word.data(), word.size());
      high |= place(at);
    }
    slot.ids.count = static_cast<std::uint32_t>(ids.size());
    if (ids.size() <= kInSlot) {
      std::copy(ids.begin(), ids.end(), slot.ids.ids);
    } else {
      char* const at = keep(ids.size_bytes());
      if (at == nullptr) return false;
      std::memcpy(at, ids.data(), ids.size_bytes());
      slot.ids.ids[0] = static_cast<TokenId>(place(at));
    }
    slot.low = key.low;
    slot.high.store(high, std::memory_order_release);
    return true;
  }

  ZeroedPages slots_, bytes_;  // bytes_: long words, and ids that are too many for a slot
  std::uint64_t mask_;
  std::atomic<std::size_t> used_ = 0, kept_ = 0;
};

// The newest table.
class SharedWordCache {
 public:
  std::shared_ptr<SharedWords> newest() {
    const std::lock_guard lock(mutex_);
    return words_;
  }
  bool is_newest(const SharedWords* words) const {
    return newest_.load(std::memory_order_acquire) == words;
  }
  // One that takes the place of `full`, if no other thread is making it just now.
  std::shared_ptr<SharedWords> replace(const std::shared_ptr<SharedWords>& full) {
    const std::unique_lock lock(growing_, std::try_to_lock);
    if (!lock || !is_newest(full.get())) return newest();
    const bool grows = full->slots() < kMostSlots;
    auto words = std::make_shared<SharedWords>(grows ? 2 * full->slots() : full->slots());
    if (grows) words->add_all(*full);
    const std::lock_guard set(mutex_);
    words_ = words;
    newest_.store(words.get(), std::memory_order_release);
    return words;
  }

 private:
  static constexpr std::size_t kFirstSlots = 1 << 10, kMostSlots = 1 << 20;  // of 32 bytes

  std::mutex mutex_, growing_;
  std::shared_ptr<SharedWords> words_ = std::make_shared<SharedWords>(kFirstSlots);
  std::atomic<const SharedWords*> newest_ = words_.get();
};

// What one thread looks words up in.
class WordCache {
 public:
  static constexpr std::size_t kLongest = 128;  // bytes of a word that is remembered
  static constexpr std::size_t kInSlot = SharedWords::kInSlot;
  using Ids = SharedWords::Ids;

  // Before each text: what is known is what all of them know that were given the same.
  template <class Shared>
  void begin(Shared shared) {
    if (!cache_) cache_ = shared();
    if (!words_ || !cache_->is_newest(words_.get())) words_ = cache_->newest();
  }

  void prefetch(const WordKey& key) const { words_->prefetch(key); }

  // Null for a word that is not known; else valid until the next put() or begin().
  const Ids* find(const WordKey& key, std::string_view word) const {
    return words_->find(key, word);
  }

  // Writes the ids and returns their end; `out` has room for kInSlot more than there are.
  template <class Id>
  Id* write(const Ids& known, Id* out) const {
    if (known.count <= kInSlot) [[likely]] {
      for (std::size_t i = 0; i < kInSlot; ++i) out[i] = static_cast<Id>(known.ids[i]);
      return out + known.count;
    }
    const TokenId* const first = words_->ids_at(known.ids[0]);
    return std::transform(first, first + known.count, out,
                          [](TokenId id) { return static_cast<Id>(id); });
  }

  void put(const WordKey& key, std::string_view word, std::span<const TokenId> ids) {
    if (word.size() > kLongest || words_->add(key, word, ids)) return;
    words_ = cache_->replace(words_);
    words_->add(key, word, ids);
  }

  std::vector<TokenId>& scratch() { return scratch_; }

 private:
  std::shared_ptr<SharedWordCache> cache_;
  std::shared_ptr<SharedWords> words_;
  std::vector<TokenId> scratch_;
};

}  // namespace lehr::text
