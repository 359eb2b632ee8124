// A few rows of an artifact drawn at random, each as likely as the others, from the rows that are
// looked at. Reading stops after kMostRead bytes of text, which a person waits for; the sample then
// is of the beginning, and says so.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace lehr::data {

inline constexpr std::uint64_t kMostRead = 256 << 20;

template <class Row>
class Sample {
 public:
  Sample(std::size_t wanted, std::uint64_t seed) : wanted_(wanted), random_(seed) {}

  // make(): the row, called only if it is drawn.
  template <class Make>
  void offer(Make make) {
    const std::uint64_t number = seen_++;
    if (rows_.size() < wanted_) {
      rows_.push_back({number, make()});
    } else if (const std::uint64_t at = random_() % seen_; at < wanted_) {
      rows_[static_cast<std::size_t>(at)] = {number, make()};
    }
  }
  std::uint64_t seen() const { return seen_; }
  // In the order of the artifact.
  std::vector<Row> rows() const;

 private:
  struct Drawn {
    std::uint64_t number;
    Row row;
  };
  const std::size_t wanted_;
  std::mt19937_64 random_;
  std::uint64_t seen_ = 0;
  std::vector<Drawn> rows_;
};

struct ShownDocument {
  std::string id, text, fields;
};

struct Drawing {
  std::vector<ShownDocument> documents;
  std::uint64_t seen = 0;
  bool all = true;  // everything was looked at
};

// Documents of one split of an artifact.
Drawing draw_documents(const std::filesystem::path& folder, const std::string& split,
                       std::size_t wanted, std::uint64_t seed);

// ---- implementation ----

template <class Row>
std::vector<Row> Sample<Row>::rows() const {
  std::vector<const Drawn*> order;
  for (const Drawn& drawn : rows_) order.push_back(&drawn);
  std::sort(order.begin(), order.end(),
            [](const Drawn* a, const Drawn* b) { return a->number < b->number; });
  std::vector<Row> out;
  for (const Drawn* drawn : order) out.push_back(drawn->row);
  return out;
}

}  // namespace lehr::data
