// Cuts text with an expression of the user's own, for pre-tokenizers that pretokenizer.h does not
// scan by hand: PCRE2 with its compiler, tens of times slower than those. Matches and what is
// between them are pieces of their own (Hugging Face's Split, behavior Isolated); an empty match
// cuts where it is. Expressions mean what they do in tokenizer.json files (oniguruma.h).
//
// \p{...} and letter case follow the Unicode version of the installed PCRE2. A byte that is not
// part of valid UTF-8 matches nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::text {

// Immutable; any number of threads may use one.
class RegexCutter {
 public:
  // Throws lehr::Error with the place of the mistake.
  explicit RegexCutter(std::string expression);

  const std::string& expression() const { return expression_; }
  // Whether it has ^ or $.
  bool has_line_anchors() const { return line_anchors_; }

  // Appends where the pieces of text[begin, end) end. The piece is matched as if it were all the
  // text. Throws lehr::Error if matching takes too long or too much memory.
  void cut(std::string_view text, std::size_t begin, std::size_t end,
           std::vector<std::size_t>& ends) const;

 private:
  struct Code;
  std::string expression_;
  bool line_anchors_ = false;
  std::shared_ptr<const Code> code_;  // copies of a cutter share what was compiled
};

}  // namespace lehr::text
