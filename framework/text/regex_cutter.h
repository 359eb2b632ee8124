// Cuts text with an expression of the user's own, for pre-tokenizers that pretokenizer.h does not
// scan by hand: PCRE2 with its compiler, tens of times slower than those. Matches and what is
// between them are pieces of their own (Hugging Face's Split, behavior Isolated).
//
// \s \p{...} and letter case follow the Unicode version of the installed PCRE2; U+180E counts as
// white space there and not elsewhere. A byte that is not part of valid UTF-8 matches nothing.
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

  // Appends where the pieces of text[begin, end) end. The piece is matched as if it were all the
  // text. Throws lehr::Error if matching takes too long or too much memory.
  void cut(std::string_view text, std::size_t begin, std::size_t end,
           std::vector<std::size_t>& ends) const;

 private:
  struct Code;
  std::string expression_;
  std::shared_ptr<const Code> code_;  // copies of a cutter share what was compiled
};

}  // namespace lehr::text
