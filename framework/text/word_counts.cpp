#include "text/word_counts.h"

#include <algorithm>
#include <cstring>

#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/parallel_sort.h>
#include <xxhash.h>
#include <boost/unordered/unordered_flat_map.hpp>

namespace lehr::text {
namespace {

struct WordHash {
  using is_avalanching = void;
  std::size_t operator()(std::string_view word) const {
    return XXH3_64bits(word.data(), word.size());
  }
};

// Words live in blocks that never move, so that the table can hold views.
class Table {
 public:
  void add(std::string_view word) {
    const auto found = counts_.find(word);
    if (found != counts_.end())
      ++found->second;
    else
      counts_.emplace(keep(word), 1);
  }
  const auto& counts() const { return counts_; }

 private:
  static constexpr std::size_t kBlock = 1 << 20;

  std::string_view keep(std::string_view word) {
    if (word.size() > left_) {
      left_ = std::max(kBlock, word.size());
      blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
      next_ = blocks_.back().get();
    }
    std::memcpy(next_, word.data(), word.size());
    const std::string_view kept(next_, word.size());
    next_ += word.size();
    left_ -= word.size();
    return kept;
  }

  boost::unordered_flat_map<std::string_view, std::int64_t, WordHash> counts_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace

struct WordCounts::Tables {
  tbb::enumerable_thread_specific<Table> per_thread;
};

WordCounts::WordCounts(Pattern pattern) : pattern_(pattern), tables_(std::make_unique<Tables>()) {}
WordCounts::~WordCounts() = default;

void WordCounts::add(std::string_view text) {
  Table& table = tables_->per_thread.local();
  for_each_pretoken(pattern_, text, [&](std::string_view word) { table.add(word); });
}

std::vector<WordCount> WordCounts::sorted() const {
  std::vector<std::pair<std::string_view, std::int64_t>> all;
  for (const Table& table : tables_->per_thread)
    all.insert(all.end(), table.counts().begin(), table.counts().end());
  tbb::parallel_sort(all.begin(), all.end());
  std::vector<WordCount> words;
  for (const auto& [word, count] : all) {
    if (!words.empty() && words.back().word == word)
      words.back().count += count;
    else
      words.push_back({std::string(word), count});
  }
  return words;
}

}  // namespace lehr::text
