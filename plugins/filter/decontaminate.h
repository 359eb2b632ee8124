// Drops documents that share a run of words with an evaluation set, as datatrove's n-gram
// decontamination does: texts are simplified (text/simplifier.h), and of each row of a set count
// the runs in its answer, those that begin in its query and end in its answer and, if asked, those
// in its query.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "seen_hashes.h"
#include "text/simplifier.h"

namespace lehr::plugins::filter {

class Decontaminate : public DocumentStep {
 public:
  void describe(Description& d) override;
  void check() override;
  void process(Document& document) override;

 private:
  // Hashes of the words of a text, simplified.
  void hash_words(std::string_view text, std::vector<std::uint64_t>& words);
  SeenHashes read_sets();
  // place: "file:line", for the message of the Error it throws.
  void read_row(std::string_view line, const std::string& place, std::vector<std::uint64_t>& runs);
  void add_row(std::string_view query, std::string_view answer, std::vector<std::uint64_t>& runs);

  std::vector<std::string> sets_;
  std::int64_t words_ = 12;
  std::string answer_field_ = "text", query_field_ = "query";
  bool query_runs_ = false, overlapping_runs_ = true;
  std::shared_ptr<const SeenHashes> known_;  // since check(), so that planning tells of bad rows
  text::Simplifier simplifier_;
  std::vector<std::uint64_t> text_words_, query_words_, answer_words_;
};

}  // namespace lehr::plugins::filter
