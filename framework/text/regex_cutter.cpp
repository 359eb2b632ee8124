#include "text/regex_cutter.h"

#include <lehr/value.h>

#include "text/regex_match.h"

namespace lehr::text {

struct RegexCutter::Code : RegexCode {
  using RegexCode::RegexCode;
};

RegexCutter::RegexCutter(std::string expression) : expression_(std::move(expression)) {
  try {
    code_ = std::make_shared<const Code>(expression_, PCRE2_MATCH_INVALID_UTF);
  } catch (const Error& e) {
    throw Error("'" + expression_ + "' is not a regular expression: " + e.what());
  }
}

void RegexCutter::cut(std::string_view text, std::size_t begin, std::size_t end,
                      std::vector<std::size_t>& ends) const {
  thread_local const RegexMatch match(64 << 20);
  const auto* const piece = reinterpret_cast<PCRE2_SPTR>(text.data() + begin);
  const std::size_t size = end - begin;
  std::size_t done = 0;  // up to here `ends` knows
  for (std::size_t at = 0; at < size;) {
    const int found =
        ::pcre2_match(code_->get(), piece, size, at, PCRE2_NOTEMPTY, match.data, match.context);
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
