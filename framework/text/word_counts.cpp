#include "text/word_counts.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/task_arena.h>

#include "text/parallel_sort.h"
#include "text/word_table.h"

namespace lehr::text {
namespace {

using Table = WordTable<std::int64_t>;
constexpr std::size_t kFewWords = 512;  // too few for a run of their own

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

// Its words, ascending; they are the table's.
WordList sorted_words(Table& table, std::pmr::memory_resource* memory) {
  std::pmr::vector<Ordered> order(memory);
  order.reserve(table.size());
  table.for_each([&](std::string_view word, std::int64_t times) {
    order.push_back({first_bytes(word), {word, times}});
  });
  parallel_sort(order.begin(), order.end());
  WordList words(memory);
  words.reserve(order.size());
  for (const Ordered& entry : order) words.push_back(entry.word);
  return words;
}

}  // namespace

// A thread's own.
struct WordCounts::Counted {
  Table table;
  std::size_t bytes = 0;  // of the table, as they are in the sum
};

struct WordCounts::Tables {
  std::atomic<std::size_t> bytes = 0;
  std::atomic<bool> spilled = false;
  tbb::enumerable_thread_specific<Counted> per_thread;
};

WordCounts::WordCounts(Pretokenizer pretokenizer)
    : WordCounts(std::move(pretokenizer), ~std::uint64_t{0}, {}) {}

// Sorting takes about as much as the tables.
WordCounts::WordCounts(Pretokenizer pretokenizer, std::uint64_t memory_bytes,
                       std::filesystem::path folder)
    : pretokenizer_(std::move(pretokenizer)),
      most_bytes_(memory_bytes / 2),
      scratch_(folder),
      runs_(std::move(folder)),
      tables_(std::make_unique<Tables>()) {}
WordCounts::~WordCounts() = default;

void WordCounts::add(std::string_view text) {
  Counted& mine = tables_->per_thread.local();
  for_each_word(pretokenizer_, text, mine.table, [&](std::string_view word, const WordKey& key) {
    count(mine.table, key, word, 1);
  });
  if (const std::size_t now = mine.table.bytes(); now != mine.bytes) {
    tables_->bytes += now - mine.bytes;
    mine.bytes = now;
  }
  // Whoever holds its share makes room.
  if (tables_->bytes > most_bytes_ && mine.table.size() >= kFewWords &&
      mine.bytes >= most_bytes_ / (2 * tables_->per_thread.size())) {
    tables_->spilled = true;
    spill(mine);
  }
}

bool WordCounts::spilled() const { return tables_->spilled; }

void WordCounts::spill(Counted& counted) {
  // Not to begin another document here, which would count into this very table, while sorting
  // waits.
  tbb::this_task_arena::isolate(
      [&] { runs_.add(sorted_words(counted.table, std::pmr::get_default_resource())); });
  counted.table = Table();
  tables_->bytes -= counted.bytes - counted.table.bytes();
  counted.bytes = counted.table.bytes();
}

std::size_t WordCounts::bytes() const { return tables_->bytes; }

std::pmr::memory_resource* WordCounts::memory() {
  return spilled() ? &pool_ : std::pmr::get_default_resource();
}

WordList WordCounts::sorted() {
  if (!runs_.empty()) {
    for (Counted& counted : tables_->per_thread)
      if (counted.table.size() > 0) spill(counted);
    // In a table they take twice the memory of their list.
    if (2 * sizeof(WordCount) * runs_.count() > most_bytes_) tables_->spilled = true;
    return runs_.words(memory());
  }
  Table all;
  for (Counted& counted : tables_->per_thread) {
    if (counted.table.size() > all.size()) std::swap(all, counted.table);
    counted.table.for_each([&](std::string_view word, std::int64_t times) {
      count(all, word_key::of(word, word.size()), word, times);
    });
    counted.table = Table();
  }
  tables_->per_thread.clear();
  Counted& kept = tables_->per_thread.local();
  kept.table = std::move(all);
  tables_->bytes = kept.bytes = kept.table.bytes();
  return sorted_words(kept.table, memory());
}

void WordCounts::move_to(const std::filesystem::path& file) {
  write_words(file, sorted());
  tables_ = std::make_unique<Tables>();
  runs_.clear();
}

}  // namespace lehr::text
