// What the further fields of documents tell: how much text there is of each value of one of them,
// and how the numbers lie that a stage `filter` with `score` has written down.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sample.h"
#include "text/documents.h"

namespace lehr::data {

// An amount of text under a name.
struct TextRow {
  std::string name;
  std::uint64_t documents = 0, bytes = 0, tokens = 0;
};

inline constexpr std::array<double, 7> kScoreQuantiles = {0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99};

struct ScoreRow {
  std::string name;  // "gopher_quality.words"
  std::uint64_t documents = 0;
  std::array<double, kScoreQuantiles.size()> quantiles{};
};

class FieldStatistics {
 public:
  // by: the field whose values are counted.
  FieldStatistics(std::string by, std::uint64_t seed);
  ~FieldStatistics();

  void add(const text::Document& document, std::uint64_t tokens);

  // The value with the most text first; empty if no document has the field.
  std::vector<TextRow> by_value() const;
  // Fields that documents have which lack this one, sorted; some of them if they are very many.
  std::vector<std::string> other_fields() const { return {others_.begin(), others_.end()}; }
  // By name. Quantiles are those of at most 20,000 documents drawn at random.
  std::vector<ScoreRow> scores() const;

 private:
  struct Parser;
  void add_value(const std::string& value, const text::Document& document, std::uint64_t tokens);

  const std::string by_;
  const std::uint64_t seed_;
  std::unique_ptr<Parser> parser_;
  bool has_values_ = false;
  std::map<std::string, TextRow> values_;
  std::set<std::string> others_;
  std::map<std::string, Sample<double>> scores_;
};

}  // namespace lehr::data
