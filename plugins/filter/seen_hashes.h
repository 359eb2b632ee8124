// Hashes seen within one document. Open addressing, cleared for each document; in the steady state
// nothing is allocated, and what a long document needed is given back. Equal 64-bit hashes are
// taken for equal things.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lehr::plugins::filter {

// Spreads what differs in any bit over all bits.
inline std::uint64_t mix_hash(std::uint64_t h) {
  h *= 0xd6e8feb86659fd93;
  return h ^ h >> 32;
}

// A table of Slots, at most half full. Slot: has a member `hash`; 0 is free.
template <class Slot>
class HashTable {
 public:
  // hashes: how many there can be at most. Room for many is made when they are there.
  void clear(std::size_t hashes) {
    const std::size_t size = std::bit_ceil(2 * std::min(hashes, kAtFirst) + 2);
    if (slots_.size() > 2 * (kAtFirst + 1)) slots_ = {};
    slots_.assign(size, Slot{});
    mask_ = size - 1;
    used_ = 0;
  }
  // The slot of this mixed hash, new (all but its hash as Slot{} has it) if there was none.
  // Slots move when there are new ones.
  Slot& at(std::uint64_t hash) {
    Slot* slot = &slots_[place(hash)];
    if (slot->hash != 0) return *slot;
    if (++used_ > mask_ / 2) {
      grow();
      slot = &slots_[place(hash)];
    }
    slot->hash = hash;
    return *slot;
  }
  bool contains(std::uint64_t hash) const { return slots_[place(hash)].hash == hash; }
  std::size_t size() const { return used_; }

 private:
  static constexpr std::size_t kAtFirst = 1 << 16;

  void grow() {
    std::vector<Slot> before(2 * slots_.size());
    before.swap(slots_);
    mask_ = slots_.size() - 1;
    for (const Slot& slot : before)
      if (slot.hash != 0) slots_[place(slot.hash)] = slot;
  }
  std::size_t place(std::uint64_t hash) const {
    std::size_t at = hash & mask_;
    while (slots_[at].hash != 0 && slots_[at].hash != hash) at = (at + 1) & mask_;
    return at;
  }
  std::vector<Slot> slots_;
  std::size_t mask_ = 0, used_ = 0;
};

class SeenHashes {
 public:
  void clear(std::size_t hashes) { table_.clear(hashes); }
  // hash: mixed, here and below.
  bool contains(std::uint64_t hash) const { return table_.contains(hash + (hash == 0)); }
  // True the first time.
  bool add(std::uint64_t hash) {
    const std::size_t before = table_.size();
    table_.at(hash + (hash == 0));
    return table_.size() > before;
  }

 private:
  struct Slot {
    std::uint64_t hash = 0;
  };
  HashTable<Slot> table_;
};

}  // namespace lehr::plugins::filter
