#include "text/word_counts.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/parallel_sort.h>

#include "text/word_table.h"

namespace lehr::text {
namespace {

using Table = WordTable<std::int64_t>;

void count(Table& table, const WordKey& key, std::string_view word, std::int64_t times) {
  if (std::int64_t* known = table.find(key, word))
    *known += times;
  else
    table.add(key, word) = times;
}

// A word with its first eight bytes as a number of the same order, which decides nearly always.
struct Ordered {
  std::uint64_t first_bytes;
  WordCount word;
  bool operator<(const Ordered& other) const {
    return first_bytes != other.first_bytes ? first_bytes < other.first_bytes
                                            : word.word < other.word.word;
  }
};

std::uint64_t first_bytes(std::string_view word) {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, word.data(), std::min<std::size_t>(word.size(), sizeof bytes));
  return __builtin_bswap64(bytes);
}

}  // namespace

struct WordCounts::Tables {
  struct Counted {
    Table table;
    std::size_t bytes = 0;  // of the table, as they are in the sum
  };
  std::atomic<std::size_t> bytes = 0;
  tbb::enumerable_thread_specific<Counted> per_thread;
};

WordCounts::WordCounts(Pretokenizer pretokenizer)
    : pretokenizer_(std::move(pretokenizer)), tables_(std::make_unique<Tables>()) {}
WordCounts::~WordCounts() = default;

void WordCounts::add(std::string_view text) {
  Tables::Counted& mine = tables_->per_thread.local();
  for_each_word(pretokenizer_, text, mine.table, [&](std::string_view word, const WordKey& key) {
    count(mine.table, key, word, 1);
  });
  if (const std::size_t now = mine.table.bytes(); now != mine.bytes) {
    tables_->bytes += now - mine.bytes;
    mine.bytes = now;
  }
}

std::size_t WordCounts::bytes() const { return tables_->bytes; }

std::vector<WordCount> WordCounts::sorted() {
  Table all;
  for (Tables::Counted& counted : tables_->per_thread) {
    if (counted.table.size() > all.size()) std::swap(all, counted.table);
    counted.table.for_each([&](std::string_view word, std::int64_t times) {
      count(all, word_key::of(word, word.size()), word, times);
    });
    counted.table = Table();
  }
  std::vector<Ordered> order;
  order.reserve(all.size());
  tables_->per_thread.clear();
  Tables::Counted& kept = tables_->per_thread.local();
  kept.table = std::move(all);
  tables_->bytes = kept.bytes = kept.table.bytes();
  kept.table.for_each([&](std::string_view word, std::int64_t times) {
    order.push_back({first_bytes(word), {word, times}});
  });
  tbb::parallel_sort(order.begin(), order.end());
  std::vector<WordCount> words;
  words.reserve(order.size());
  for (const Ordered& entry : order) words.push_back(entry.word);
  return words;
}

}  // namespace lehr::text
