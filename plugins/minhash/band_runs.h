// What the signatures leave behind: for each document and band one record, sorted in runs on disk
// and merged, so that documents with the same key meet. Memory is what the caller allows, however
// many documents there are and however many of them share a key.
#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

namespace lehr::plugins::minhash {

// 96 bits of key, then the document. A run is an array of these, sorted.
struct BandRecord {
  std::uint64_t high = 0;
  std::uint32_t low = 0, document = 0;
  auto operator<=>(const BandRecord&) const = default;
  bool same_key(const BandRecord& other) const { return high == other.high && low == other.low; }
};
static_assert(sizeof(BandRecord) == 16);

// Sorts on all threads that TBB is allowed, then writes.
void write_run(const std::filesystem::path& path, std::vector<BandRecord>& records);

// Calls `pair(first, later)` for the documents of each key: its smallest document with every later
// one. Calls come from several threads at once, in any order. `cancelled` is asked now and then;
// if it says so, Cancelled is thrown. Throws Error on a run that cannot be read.
void for_each_pair(const std::vector<std::filesystem::path>& runs, std::size_t memory_bytes,
                   int threads, const std::function<bool()>& cancelled,
                   const std::function<void(std::uint32_t, std::uint32_t)>& pair);

}  // namespace lehr::plugins::minhash
