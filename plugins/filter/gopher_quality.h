// The quality rules of Gopher (Rae et al. 2021, arXiv:2112.11446, appendix A.1.1) with the exact
// meaning datatrove gives them: the first rule that fails names the reason. Lengths are in code
// points, all comparisons are strict, and a threshold of 0 or null switches its rule off.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "measured_step.h"
#include "text_tables.h"
#include "word_splitter.h"

namespace lehr::plugins::filter {

class GopherQuality : public MeasuredStep {
 public:
  static constexpr const char* kName = "filter.gopher_quality";
  GopherQuality() : MeasuredStep(kName) {}
  void describe(Description& d) override;
  void check() override;

 protected:
  void judge(std::string_view text, Judgement& judgement) override;
  std::string measured_by() override;
  void let_go() override { lines_ = {}; }

 private:
  // Counting stops at `enough`.
  std::int64_t different_stop_words(TextTables& tables, std::int64_t enough);

  std::optional<std::int64_t> min_words_ = 50, max_words_ = 100000, min_stop_words_ = 2;
  std::optional<double> min_mean_word_length_ = 3, max_mean_word_length_ = 10;
  std::optional<double> max_symbol_ratio_ = 0.1, max_bullet_lines_ = 0.9;
  std::optional<double> max_ellipsis_lines_ = 0.3, min_alphabetic_words_ = 0.8;
  std::vector<std::string> stop_words_ = {"the", "be", "to", "of", "and", "that", "have", "with"};
  SplitterParameter splitter_;
  std::vector<std::uint64_t> stop_hashes_;  // sorted
  std::vector<bool> stop_found_;            // by place in them
  std::vector<std::string_view> lines_;
};

}  // namespace lehr::plugins::filter
