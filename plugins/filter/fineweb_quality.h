// The quality rules that FineWeb adds to Gopher's and C4's (Penedo et al. 2024, arXiv:2406.17557),
// with the exact meaning datatrove gives them: the first rule that fails names the reason.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "measured_step.h"
#include "repeated_parts.h"
#include "word_splitter.h"

namespace lehr::plugins::filter {

class FinewebQuality : public MeasuredStep {
 public:
  static constexpr const char* kName = "filter.fineweb_quality";
  FinewebQuality() : MeasuredStep(kName) {}
  void describe(Description& d) override;
  void check() override { splitter_.check(); }

 protected:
  void judge(std::string_view text, Judgement& judgement) override;
  std::string measured_by() override;

 private:
  struct LineSums {
    std::size_t lines = 0, punctuated = 0, short_lines = 0;
    std::size_t repeated_characters = 0, characters = 0;
  };
  LineSums sum_lines(TextTables& tables);

  std::optional<double> min_punctuated_lines_ = 0.12, max_short_lines_ = 0.67;
  std::int64_t short_line_ = 30;
  std::optional<double> max_duplicate_line_characters_ = 0.01, max_lines_per_word_ = 0.3;
  SplitterParameter splitter_;
  SeenHashes seen_;
};

}  // namespace lehr::plugins::filter
