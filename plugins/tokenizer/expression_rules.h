// What the stages say of a tokenizer whose pre-tokenizer is not scanned by hand, and of an
// expression that cannot be one.
#pragma once

#include <lehr/value.h>

#include <optional>
#include <string>

#include "text/regex_cutter.h"

namespace lehr::plugins::tokenizer {

inline constexpr const char* kSlowExpression =
    "the pre-tokenizer's expression is none that is scanned by hand: it goes through a regular "
    "expression engine, and encoding takes two to three times as long";

// Throws Error, which begins with the parameter.
inline void check_expression(const std::optional<std::string>& expression) {
  if (!expression) return;
  try {
    // A tokenizer.json with it is what others will encode with.
    if (text::RegexCutter{*expression}.has_line_anchors())
      throw Error(
          "'" + *expression +
          "' has ^ or $: the ends of the text to tiktoken, those of a line in a "
          "tokenizer.json. Write \\A and \\z for the text's, (?<=\\n) and (?=\\n) for a line's");
  } catch (const Error& e) {
    throw Error(std::string("expression: ") + e.what());
  }
}

}  // namespace lehr::plugins::tokenizer
