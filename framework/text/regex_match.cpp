#include "text/regex_match.h"

#include <lehr/value.h>

namespace lehr::text {

std::string regex_error(int code) {
  PCRE2_UCHAR text[256];
  ::pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

RegexCode::RegexCode(std::string_view expression, std::uint32_t options) {
  int error = 0;
  PCRE2_SIZE at = 0;
  code_.reset(::pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                              PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | options, &error,
                              &at, nullptr));
  if (!code_) throw Error(regex_error(error) + " at character " + std::to_string(at + 1));
  ::pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);  // where it cannot, PCRE2 interprets
}

}  // namespace lehr::text
