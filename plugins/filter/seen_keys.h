// All keys that a pass has seen, in a budget. A key is a hash already, so it says itself where it
// belongs: its first byte names one of 256 tables, the rest its place there (linear probing, at
// most 80 % full). Tables grow one by one, by half, so growing takes hardly more than what is
// there; a key costs between 1.25 and 1.9 times its size. When they fill the budget, all go to a
// sorted run on disk and the tables begin again: what was seen stays known, whatever the budget.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <utility>
#include <vector>

#include "key_runs.h"

namespace lehr::plugins::filter {

// Key: has `place()`, 64 evenly spread bits; compares equal; a Key{} is a free slot and is taken
// for Key::other() when it is added. One thread.
template <class Key>
class SeenKeys {
 public:
  // folder: for the scratch files of what does not fit.
  SeenKeys(std::uint64_t memory_bytes, std::filesystem::path folder)
      : budget_(memory_bytes), runs_(std::move(folder), memory_bytes / 4) {}

  // Loads the place of a key that will be asked for soon.
  void prefetch(const Key& key) const {
    const Table& table = table_of(key);
    if (!table.slots.empty()) __builtin_prefetch(&table.slots[place(key, table.slots.size())]);
    runs_.prefetch(key);
  }
  bool contains(Key key) const {
    if (key == Key{}) key = Key::other();
    const Table& table = table_of(key);
    if (!table.slots.empty() && table.slots[find(table, key)] == key) return true;
    return runs_.contains(key);
  }
  // True the first time.
  bool add(Key key) {
    if (key == Key{}) key = Key::other();
    Table& table = tables_[key.place() >> 56];
    if (5 * (table.used + 1) > 4 * table.slots.size()) {
      if (contains(key)) return false;
      grow(table);
    }
    Key& slot = table.slots[find(table, key)];
    if (slot == key || runs_.contains(key)) return false;
    slot = key;
    ++table.used;
    ++size_;
    return true;
  }
  std::uint64_t size() const { return size_; }
  std::uint64_t memory_bytes() const { return bytes_ + runs_.memory_bytes(); }
  bool spilled() const { return !runs_.empty(); }

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
    if (bytes_ + grown(table) > for_tables_ && bytes_ > 0) spill();
    const std::size_t slots = table.slots.size() + grown(table) / sizeof(Key);
    bytes_ += grown(table);
    Table larger;
    larger.slots.resize(slots);
    larger.used = table.used;
    for (const Key& key : table.slots)
      if (!(key == Key{})) larger.slots[find(larger, key)] = key;
    table = std::move(larger);
  }
  // The bytes more that the table will take.
  static std::uint64_t grown(const Table& table) {
    const std::size_t now = table.slots.size();
    return ((now < 16 ? 16 : now * 3 / 2) - now) * sizeof(Key);
  }

  void spill() {
    std::uint64_t keys = 0;
    for (const Table& table : tables_) keys += table.used;
    auto run = runs_.begin_run(keys);
    for (Table& table : tables_) {  // in the order of places
      std::erase(table.slots, Key{});
      std::sort(table.slots.begin(), table.slots.end(),
                [](const Key& a, const Key& b) { return a.place() < b.place(); });
      for (const Key& key : table.slots) run.append(key);
      table = {};
    }
    run.finish();
    bytes_ = 0;
    runs_.add(std::move(run));
    while (runs_.memory_bytes() > budget_ / 2 && runs_.shrink()) {
    }
    for_tables_ = budget_ - std::min(budget_ / 2, runs_.memory_bytes());
  }

  std::array<Table, 256> tables_;
  std::uint64_t budget_, for_tables_ = budget_ - budget_ / 8;  // the filter of a run wants some too
  std::uint64_t bytes_ = 0, size_ = 0;
  KeyRuns<Key> runs_;
};

}  // namespace lehr::plugins::filter
