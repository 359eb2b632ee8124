// The rules of C4 (Raffel et al. 2020, arXiv:1910.10683, section 2.2) with the exact meaning
// datatrove gives them. Line by line, they drop the line or the document; what stays, without
// citations and joined by "\n", replaces the text.
//
// How a line is cut into sentences is said in text/words.h; with spaCy's rules for words
// (spacy_table) the sentences are datatrove's.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "word_splitter.h"

namespace lehr::plugins::filter {

class C4Quality : public DocumentStep {
 public:
  void describe(Description& d) override;
  void check() override { spacy_.words(); }
  void process(Document& document) override;

 private:
  enum class Verdict { keep, drop_line, lorem_ipsum, curly_bracket };
  // line: stripped on entry, without citations on return; it may then be a view into `cited_`.
  Verdict judge(std::string_view& line);
  bool has_too_long_word(std::string_view line);
  bool has_too_few_words(std::string_view line);
  std::size_t count_sentences(std::string_view line, std::size_t enough);
  // Which phrases occur somewhere in the text, whatever their case.
  struct Phrases {
    bool lorem_ipsum, javascript, policy;
  };
  Phrases phrases_in(std::string_view text);

  bool remove_citations_ = true, terminal_punctuation_ = true;
  bool drop_lorem_ipsum_ = true, drop_javascript_ = true, drop_curly_bracket_ = true,
       drop_policy_ = true;
  std::optional<std::int64_t> min_sentences_ = 5, min_words_per_line_ = 3, max_word_length_ = 1000;

  SpacyTableParameter spacy_;

  Phrases in_document_{};
  std::string cited_, lower_, kept_;
  std::vector<std::string_view> lines_;
  std::vector<text::Span> words_;
};

}  // namespace lehr::plugins::filter
