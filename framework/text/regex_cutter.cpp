#include "text/regex_cutter.h"

#include <lehr/value.h>

#include "text/regex_match.h"

namespace lehr::text {
struct RegexCutter::Code {
  pcre2_code* code;
  ~Code() { ::pcre2_code_free(code); }
};

RegexCutter::RegexCutter(std::string expression) : expression_(std::move(expression)) {
  int error = 0;
  PCRE2_SIZE at = 0;
  pcre2_code* const code =
      ::pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression_.data()), expression_.size(),
                      PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C,
                      &error, &at, nullptr);
  if (code == nullptr)
    throw Error("'" + expression_ + "' is not a regular expression: " + regex_error(error) +
                " at character " + std::to_string(at + 1));
  code_ = std::shared_ptr<const Code>(new Code{code});
  ::pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // where it cannot, PCRE2 interprets
}

void RegexCutter::cut(std::string_view text, std::size_t begin, std::size_t end,
                      std::vector<std::size_t>& ends) const {
  thread_local const RegexMatch match(64 << 20);
  const auto* const piece = reinterpret_cast<PCRE2_SPTR>(text.data() + begin);
  const std::size_t size = end - begin;
  std::size_t done = 0;  // up to here `ends` knows
  for (std::size_t at = 0; at < size;) {
    const int found =
        ::pcre2_match(code_->code, piece, size, at, PCRE2_NOTEMPTY, match.data, match.context);
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0)
      throw Error("the pre-tokenizer expression '" + expression_ + "' fails on a text of " +
                  std::to_string(size) + " bytes: " + regex_error(found));
    const PCRE2_SIZE* const bounds = ::pcre2_get_ovector_pointer(match.data);
    if (bounds[0] > done) ends.push_back(begin + bounds[0]);
    ends.push_back(begin + bounds[1]);
    done = at = bounds[1];
  }
  if (done < size) ends.push_back(end);
}

}  // namespace lehr::text
