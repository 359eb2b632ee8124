// A regular expression of a pipeline (PCRE2, Unicode) over answers. What a policy writes is
// nobody's choice, so an expression that backtracks without end on it is an error, not a stage that
// hangs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/regex_match.h"

namespace lehr::plugins::rewards {

class Pattern {
 public:
  enum class Reach { part, whole };  // of a text that a match is

  Pattern() = default;  // none, until one is assigned
  // parameter: the one that `expression` is given as, for messages. Throws Error.
  Pattern(std::string parameter, std::string expression, Reach reach);

  // text: valid UTF-8, of all. Throw Error where a search takes too many steps or too much memory.
  bool matches(std::string_view text) const;
  // What the first group matches last; nothing where it never matches, or nothing but "".
  std::optional<std::string_view> last_group(std::string_view text) const;

  std::uint32_t groups() const;
  // "pattern \"a+\""
  std::string shown() const;

 private:
  // The match that begins at byte `at` or behind; bounds: of it and of its first group.
  bool search(std::string_view text, std::size_t at, const PCRE2_SIZE*& bounds) const;

  std::string parameter_, expression_;
  text::RegexCode code_;
};

}  // namespace lehr::plugins::rewards
