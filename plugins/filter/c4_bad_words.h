// C4's rule against bad words, with the meaning datatrove gives it: a document that holds a word of
// the list, whatever its case, is dropped. Words of the list may be of several words; unless whole
// words are switched off (for Chinese, Japanese and Thai), no letter, digit or _ may stand beside
// them. The list is the user's: one word a line.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::plugins::filter {

// Words to be found at a place of a text.
class WordTable {
 public:
  explicit WordTable(std::vector<std::string> words);
  // Whether a word of the table begins at `at`; with `whole`, one that ends where a word can.
  bool matches(std::string_view text, std::size_t at, bool whole) const;

 private:
  std::size_t bucket(std::string_view begin) const;
  std::vector<std::string> words_;  // sorted by bucket
  std::vector<std::uint32_t> begins_;
};

class C4BadWords : public DocumentStep {
 public:
  void describe(Description& d) override;
  void check() override;
  void process(Document& document) override;

 private:
  bool has_bad_word(std::string_view text);

  std::string words_;
  bool whole_words_ = true;
  std::vector<std::string> allow_ = {"sm", "グロ", "女の子", "性"};
  double keep_fraction_ = 0;
  std::int64_t seed_ = 0;
  std::shared_ptr<const WordTable> table_;  // since check(), so that planning tells of a bad list
  std::string lower_;
};

}  // namespace lehr::plugins::filter
