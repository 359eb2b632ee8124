#include "text/regex_cutter.h"

#include <lehr/value.h>

#include "text/oniguruma.h"
#include "text/regex_match.h"
#include "text/unicode_class.h"

namespace lehr::text {

struct RegexCutter::Code : RegexCode {
  using RegexCode::RegexCode;
};

RegexCutter::RegexCutter(std::string expression) : expression_(std::move(expression)) {
  const auto fail = [&](const char* how, const Error& e) {
    throw Error("'" + expression_ + "' is " + how + ": " + e.what());
  };
  Pcre2Expression translated;
  try {
    translated = pcre2_of_oniguruma(expression_);
  } catch (const Error& e) {
    fail("no regular expression for a pre-tokenizer", e);
  }
  line_anchors_ = translated.line_anchors;
  try {
    code_ = std::make_shared<const Code>(translated.text, PCRE2_MATCH_INVALID_UTF);
  } catch (const Error& e) {
    try {
      RegexCode{expression_};  // knows the place in what was written
    } catch (const Error& written) {
      fail("not a regular expression", written);
    }
    fail("not a regular expression", e);
  }
}

void RegexCutter::cut(std::string_view text, std::size_t begin, std::size_t end,
                      std::vector<std::size_t>& ends) const {
  thread_local const RegexMatch match(64 << 20);
  const auto* const piece = reinterpret_cast<PCRE2_SPTR>(text.data() + begin);
  const std::size_t size = end - begin;
  std::size_t done = 0;  // up to here `ends` knows
  bool matched = false;
  for (std::size_t at = 0; at < size;) {
    const int found = ::pcre2_match(code_->get(), piece, size, at, 0, match.data, match.context);
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0)
      throw Error("the pre-tokenizer expression '" + expression_ + "' fails on a text of " +
                  std::to_string(size) + " bytes: " + regex_error(found));
    const PCRE2_SIZE* const bounds = ::pcre2_get_ovector_pointer(match.data);
    if (bounds[0] == bounds[1] && bounds[1] == at && matched) {  // where the last one ended
      at += char_at(text.substr(0, end), begin + at).length;
      matched = false;
      continue;
    }
    for (const std::size_t bound : {bounds[0], bounds[1]})
      if (bound > done) ends.push_back(begin + (done = bound));
    at = bounds[1];
    matched = true;
  }
  if (done < size) ends.push_back(end);
}

}  // namespace lehr::text
