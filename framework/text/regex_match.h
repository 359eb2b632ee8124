// Regular expressions by PCRE2: what is compiled once, and what matching needs and cannot share.
#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace lehr::text {

// Of one thread, for any number of expressions.
struct RegexMatch {
  // groups: how many of an expression's groups are told, besides the whole match.
  explicit RegexMatch(std::size_t most_stack, std::uint32_t groups = 0)
      : data(::pcre2_match_data_create(1 + groups, nullptr)),
        stack(::pcre2_jit_stack_create(64 << 10, most_stack, nullptr)) {
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
  pcre2_match_data* data;
  pcre2_jit_stack* stack;
};

// What an error code of PCRE2 means.
std::string regex_error(int code);

// An expression that knows Unicode, compiled. Any number of threads may use one.
class RegexCode {
 public:
  RegexCode() = default;  // none, until one is assigned
  // options: PCRE2's, besides those that every expression has. Throws Error with what is wrong and
  // at which character, for whoever knows where the expression comes from.
  explicit RegexCode(std::string_view expression, std::uint32_t options = 0);

  const pcre2_code* get() const { return code_.get(); }

 private:
  struct Free {
    void operator()(pcre2_code* code) const { ::pcre2_code_free(code); }
  };
  std::unique_ptr<pcre2_code, Free> code_;
};

}  // namespace lehr::text
