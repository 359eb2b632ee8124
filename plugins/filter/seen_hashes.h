// Hashes seen within one document. Open addressing, cleared for each document; in the steady state
// nothing is allocated. Equal 64-bit hashes are taken for equal things.
#pragma once

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

// A table of Slots for so many hashes, at most half full. Slot: has a member `hash`; 0 is free.
template <class Slot>
class HashTable {
 public:
  void clear(std::size_t hashes) {
    const std::size_t size = std::bit_ceil(2 * hashes + 2);
    slots_.assign(size, Slot{});
    mask_ = size - 1;
  }
  // The slot of this mixed hash, or the free one where it belongs.
  Slot& find(std::uint64_t hash) { return slots_[place(hash)]; }
  const Slot& find(std::uint64_t hash) const { return slots_[place(hash)]; }

 private:
  std::size_t place(std::uint64_t hash) const {
    std::size_t at = hash & mask_;
    while (slots_[at].hash != 0 && slots_[at].hash != hash) at = (at + 1) & mask_;
    return at;
  }
  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
};

class SeenHashes {
 public:
  void clear(std::size_t hashes) { table_.clear(hashes); }
  // hash: mixed, here and below.
  bool contains(std::uint64_t hash) const {
    hash += hash == 0;
    return table_.find(hash).hash == hash;
  }
  // True the first time.
  bool add(std::uint64_t hash) {
    hash += hash == 0;
    Slot& slot = table_.find(hash);
    if (slot.hash == hash) return false;
    slot.hash = hash;
    return true;
  }

 private:
  struct Slot {
    std::uint64_t hash = 0;
  };
  HashTable<Slot> table_;
};

}  // namespace lehr::plugins::filter
