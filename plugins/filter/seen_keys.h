// All keys that a pass has seen, in a budget. A key is a hash already, so it says itself where it
// belongs: its first byte names one of 256 tables, the rest its place there (linear probing, at
// most 80 % full). Tables grow one by one, by half, so growing takes hardly more than what is
// there; a key costs between 1.25 and 1.9 times its size.
#pragma once

#include <lehr/value.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace lehr::plugins::filter {

// Key: has `place()`, 64 evenly spread bits; compares equal; a Key{} is a free slot and is taken
// for Key::other() when it is added.
template <class Key>
class SeenKeys {
 public:
  explicit SeenKeys(std::uint64_t memory_bytes = ~std::uint64_t{0}) : budget_(memory_bytes) {}

  // Loads the place of a key that will be asked for soon.
  void prefetch(const Key& key) const {
    const Table& table = table_of(key);
    if (!table.slots.empty()) __builtin_prefetch(&table.slots[place(key, table.slots.size())]);
  }
  bool contains(Key key) const {
    if (key == Key{}) key = Key::other();
    const Table& table = table_of(key);
    return !table.slots.empty() && table.slots[find(table, key)] == key;
  }
  // True the first time. Throws Error if the budget does not allow it.
  bool add(Key key) {
    if (key == Key{}) key = Key::other();
    Table& table = tables_[key.place() >> 56];
    if (5 * (table.used + 1) > 4 * table.slots.size()) {
      if (contains(key)) return false;
      grow(table);
    }
    Key& slot = table.slots[find(table, key)];
    if (slot == key) return false;
    slot = key;
    ++table.used;
    ++size_;
    return true;
  }
  std::uint64_t size() const { return size_; }
  std::uint64_t memory_bytes() const { return bytes_; }

 private:
  struct Table {
    std::vector<Key> slots;
    std::size_t used = 0;
  };

  const Table& table_of(const Key& key) const { return tables_[key.place() >> 56]; }
  static std::size_t place(const Key& key, std::size_t slots) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::size_t>(static_cast<Wide>(key.place() << 8) * slots >> 64);
  }
  // The slot of the key, or the free one where it belongs.
  static std::size_t find(const Table& table, const Key& key) {
    std::size_t at = place(key, table.slots.size());
    while (!(table.slots[at] == Key{}) && !(table.slots[at] == key))
      if (++at == table.slots.size()) at = 0;
    return at;
  }
  void grow(Table& table) {
    const std::size_t slots = table.slots.size() < 16 ? 16 : table.slots.size() * 3 / 2;
    const std::uint64_t bytes = bytes_ + (slots - table.slots.size()) * sizeof(Key);
    if (bytes > budget_)
      throw Error(std::to_string(size_) + " different keys fill the " + std::to_string(budget_) +
                  " bytes they may take; set 'memory' to more and run again, which goes on from "
                  "the last durable state");
    bytes_ = bytes;
    Table larger;
    larger.slots.resize(slots);
    larger.used = table.used;
    for (const Key& key : table.slots)
      if (!(key == Key{})) larger.slots[find(larger, key)] = key;
    table = std::move(larger);
  }

  std::array<Table, 256> tables_;
  std::uint64_t budget_, bytes_ = 0, size_ = 0;
};

}  // namespace lehr::plugins::filter
