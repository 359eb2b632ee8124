// The repetition rules of Gopher (Rae et al. 2021, arXiv:2112.11446, table A1) with the exact
// meaning datatrove gives them, or Dolma. The first rule that fails names the reason. Shares are of
// characters (code points) or of lines and paragraphs; all comparisons are strict.
//
//                        datatrove                              dolma
//   duplicates           all occurrences but the first          all occurrences
//   lines                between runs of \n                     between \n, empty ones too
//   shares are of        all characters                         those of words
//   top n-gram           occurrences * length with spaces       ... without spaces
//   repeated n-grams     scanned without overlap, compared      all n-grams, compared word by word;
//                        as run-together text                   share of their summed lengths
#pragma once

#include <lehr/plugin.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "measured_step.h"
#include "repeated_parts.h"
#include "word_splitter.h"

namespace lehr::plugins::filter {

class GopherRepetition : public MeasuredStep {
 public:
  static constexpr const char* kName = "filter.gopher_repetition";
  GopherRepetition() : MeasuredStep(kName) {}
  void describe(Description& d) override;
  void check() override;

 protected:
  void judge(std::string_view text, Judgement& judgement) override;
  std::string measured_by() override;
  void let_go() override { repeated_ = {}; }

 private:
  void judge_ngrams(TextTables& tables, Judgement& judgement);
  std::size_t all_characters(TextTables& tables);
  double top_ngram_share(std::size_t n, std::size_t characters, double most);
  double repeated_ngram_share(std::size_t n, std::size_t characters, double most);
  bool dolma() const { return dup_semantics_ == "dolma"; }

  std::optional<double> max_duplicate_paragraphs_ = 0.3, max_duplicate_paragraph_characters_ = 0.2;
  std::optional<double> max_duplicate_lines_ = 0.3, max_duplicate_line_characters_ = 0.2;
  std::vector<double> max_top_ngrams_ = {0.20, 0.18, 0.16};  // of 2, 3, 4 words
  std::vector<double> max_repeated_ngrams_ = {0.15, 0.14, 0.13, 0.12, 0.11, 0.10};  // 5 to 10
  std::string dup_semantics_ = "datatrove";
  SplitterParameter splitter_;
  RepeatedParts repeated_;
};

}  // namespace lehr::plugins::filter
