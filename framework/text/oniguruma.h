// Regular expressions as Hugging Face's tokenizers mean them (Oniguruma, Ruby's syntax), written
// for PCRE2, which takes the same letters for something else: \h is a hexadecimal digit there,
// white space here; $ ends every line there, the text here; {1,3}+ repeats there, is possessive
// here; \p{Han} is a script there, here also what other scripts share with it. What has no exact
// counterpart is refused rather than taken for something else.
#pragma once

#include <string>
#include <string_view>

namespace lehr::text {

struct Pcre2Expression {
  std::string text;           // for PCRE2_UTF and PCRE2_UCP
  bool line_anchors = false;  // has ^ or $, which other engines take for the ends of the text
};

// Throws lehr::Error that says what is not supported, at which character, and what to write in its
// place. What is no expression at all is left for PCRE2 to find.
Pcre2Expression pcre2_of_oniguruma(std::string_view expression);

}  // namespace lehr::text
