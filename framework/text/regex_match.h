// What matching with PCRE2 needs and cannot share.
#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <cstddef>
#include <string>

namespace lehr::text {

// Of one thread, for any number of expressions.
struct RegexMatch {
  explicit RegexMatch(std::size_t most_stack)
      : stack(::pcre2_jit_stack_create(64 << 10, most_stack, nullptr)) {
    ::pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~RegexMatch() {
    ::pcre2_jit_stack_free(stack);
    ::pcre2_match_data_free(data);
    ::pcre2_match_context_free(context);
  }
  RegexMatch(const RegexMatch&) = delete;
  RegexMatch& operator=(const RegexMatch&) = delete;

  pcre2_match_context* context = ::pcre2_match_context_create(nullptr);
  pcre2_match_data* data = ::pcre2_match_data_create(1, nullptr);
  pcre2_jit_stack* stack;
};

// What an error code of PCRE2 means.
inline std::string regex_error(int code) {
  PCRE2_UCHAR text[256];
  ::pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

}  // namespace lehr::text
