// Removes every line that was seen before, anywhere in the corpus. Lines end with \n and are
// compared without the whitespace around them, byte by byte (64-bit XXH3: among a thousand million
// lines about 0.03 are taken for another). Lines of fewer than min_line_characters always stay. A
// document that loses lines and has fewer than min_characters left is dropped, and its lines do not
// count as seen: something that is removed has a copy in a document that this step kept.
//
// The rule is FineWeb's "line deduplication with a minimum length", one line and no normalization.
// datatrove's SentenceDedup removes runs of three sentences, CCNet normalizes lines; both need the
// whole corpus twice.
#pragma once

#include <cstdint>
#include <string_view>

#include "ordered_step.h"
#include "seen_hashes.h"
#include "seen_keys.h"

namespace lehr::plugins::filter {

// A line of a document: it ends at byte `end`, where \n or the end of the text is.
struct LineMark {
  std::uint32_t end = 0, characters = 0;  // characters without the whitespace around
  std::uint64_t hash = 0;                 // 0: too short to be compared
  bool removed = false;
};

class LineDedup : public DecidedInOrder {
 public:
  static constexpr const char* kName = "filter.line_dedup";
  LineDedup() : DecidedInOrder("line_dedup") {}
  void describe(Description& d) override;

  std::int64_t min_line_characters = 20, min_characters = 100;
  std::int64_t memory = std::int64_t{4} << 30;
};

class SeenLines : public OrderedStep {
 public:
  static constexpr const char* kReason = "duplicate_lines";
  // folder: for what `memory` does not hold.
  SeenLines(const LineDedup& described, std::filesystem::path folder);
  void hash(DocumentBlock& block) const override;
  void decide(DocumentBlock& block, std::string& added) override;
  void settle(DocumentBlock& block) const override;
  void remember(std::string_view added) override;

 private:
  struct LineHash {
    std::uint64_t hash = 0;
    bool operator==(const LineHash&) const = default;
    std::uint64_t place() const { return hash; }
    static LineHash other() { return {1}; }
  };
  const std::size_t min_line_characters_;
  const std::uint64_t min_characters_;
  SeenKeys<LineHash> seen_;
  SeenHashes own_;  // of the document under judgement
};

}  // namespace lehr::plugins::filter
