// Steps that measure a text in numbers and hold these against thresholds. A stage that scores (see
// its parameter `score`) has them write their numbers into the document's field "filter_scores",
// with a key of the text they were measured on and of how they were measured:
//
//   {"verdict": "gopher_short_doc",                              of all steps: the first drop
//    "gopher_quality": {"verdict": "gopher_short_doc", "of": "9c1f...", "words": 12, ...},
//    "c4_quality": {"verdict": "rewrite"}}                        a step without numbers
//
// Wherever such a step meets a document that has the numbers under the same key, it judges by them
// and does not look at the text; what is not there it measures. So they never change a verdict,
// only what it costs.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "judgement.h"

namespace lehr::plugins::filter {

inline constexpr std::string_view kScores = "filter_scores";  // the field

// The scores among a document's fields.
class Scores {
 public:
  // Those in these fields, kept by the calling thread until it asks for others, so that the steps
  // that follow each other parse them once. Null if there are none.
  static Scores* of(std::string_view fields);
  ~Scores();
  // The numbers of the step `name` under this key; they hold until the next call and of().
  std::span<const Measure> find(std::string_view name, std::string_view key);

 private:
  struct Parsed;
  Scores();
  std::unique_ptr<Parsed> parsed_;
  std::vector<Measure> found_;
};

class MeasuredStep : public DocumentStep {
 public:
  // name: "filter.gopher_quality", say.
  explicit MeasuredStep(std::string_view name);
  void process(Document& document) final;
  // Measures everything, and appends it to JSON members. Returns the reason to drop the text, "" if
  // it stays.
  std::string_view score(std::string_view text, std::string& members);

 protected:
  virtual void judge(std::string_view text, Judgement& judgement) = 0;
  // What its numbers depend on beside the text.
  virtual std::string measured_by() { return ""; }
  // Frees what it needed: the text was longer than TextTables::kHugeText.
  virtual void let_go() {}

 private:
  void look(std::string_view text, Judgement& judgement);
  std::string key_of(std::string_view text);

  const std::string_view name_;
  std::uint64_t how_ = 0;  // hash of measured_by(); 0: not asked yet
};

// step: an entry {"name", "with"} of the stage's list. Null if it is no such step.
std::unique_ptr<MeasuredStep> make_measured_step(const Value& step);

}  // namespace lehr::plugins::filter
