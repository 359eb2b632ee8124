// Drops every document whose text was seen before (128-bit XXH3). Which of equal documents stays
// depends on their order, so this is no step like the others: the filter stage knows it by name,
// hashes in parallel and decides in order. Evaluation documents come first, so what is in both
// splits is dropped from training.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <string_view>
#include <unordered_set>

namespace lehr::plugins::filter {

struct TextHash {
  std::uint64_t low = 0, high = 0;
  bool operator==(const TextHash&) const = default;
};
TextHash hash_text(std::string_view text);

class SeenTexts {
 public:
  // True the first time.
  bool add(TextHash hash) { return seen_.insert(hash).second; }
  std::size_t size() const { return seen_.size(); }

 private:
  struct Low {
    std::size_t operator()(const TextHash& h) const { return h.low; }
  };
  std::unordered_set<TextHash, Low> seen_;
};

// What the steps list names; holds the description, never judges.
class ExactDedup : public DocumentStep {
 public:
  static constexpr const char* kName = "filter.exact_dedup";
  static constexpr const char* kReason = "duplicate";
  void describe(Description& d) override {
    d.summary("drops documents whose text was seen before; the first one stays");
  }
  void process(Document&) override {
    throw Error(
        "exact_dedup depends on the order of documents; only the stage 'filter' can run it");
  }
};

}  // namespace lehr::plugins::filter
