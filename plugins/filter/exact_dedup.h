// Drops every document whose text was seen before (128-bit XXH3); the first stays. Evaluation
// documents come first, so what is in both splits is dropped from training. 20 to 30 bytes for each
// different text, up to `memory`; then 16 on disk, in memory 2 and fewer.
#pragma once

#include <cstdint>
#include <string_view>

#include "ordered_step.h"
#include "seen_keys.h"

namespace lehr::plugins::filter {

struct TextHash {
  std::uint64_t low = 0, high = 0;
  bool operator==(const TextHash&) const = default;
  std::uint64_t place() const { return high; }
  static TextHash other() { return {1, 0}; }
};
TextHash hash_text(std::string_view text);

class ExactDedup : public DecidedInOrder {
 public:
  static constexpr const char* kName = "filter.exact_dedup";
  ExactDedup() : DecidedInOrder("exact_dedup") {}
  void describe(Description& d) override;

  std::int64_t memory = std::int64_t{4} << 30;
};

class SeenTexts : public OrderedStep {
 public:
  static constexpr const char* kReason = "duplicate";
  // folder: for what `memory` does not hold.
  SeenTexts(const ExactDedup& described, std::filesystem::path folder)
      : seen_(static_cast<std::uint64_t>(described.memory), std::move(folder)) {}
  void hash(DocumentBlock& block) const override;
  void decide(DocumentBlock& block, std::string& added) override;
  void settle(DocumentBlock&) const override {}
  void remember(std::string_view added) override;

 private:
  SeenKeys<TextHash> seen_;
};

}  // namespace lehr::plugins::filter
