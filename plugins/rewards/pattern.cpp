#include "pattern.h"

#include <lehr/value.h>

#include "text/words_and_lines.h"

namespace lehr::plugins::rewards {
namespace {

constexpr std::uint32_t kMostSteps = 10'000'000;  // of a search: a tenth of a second or so
constexpr std::size_t kMostMemory = 64 << 20;     // for what a search may have to go back to

}  // namespace

Pattern::Pattern(std::string parameter, std::string expression, Reach reach)
    : parameter_(std::move(parameter)), expression_(std::move(expression)) {
  try {
    code_ = text::RegexCode(expression_,
                            reach == Reach::whole ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0);
  } catch (const Error& e) {
    throw Error(shown() + ": " + e.what());
  }
}

std::string Pattern::shown() const { return parameter_ + " \"" + expression_ + "\""; }

std::uint32_t Pattern::groups() const {
  std::uint32_t count = 0;
  ::pcre2_pattern_info(code_.get(), PCRE2_INFO_CAPTURECOUNT, &count);
  return count;
}

bool Pattern::search(std::string_view text, std::size_t at, const PCRE2_SIZE*& bounds) const {
  thread_local const text::RegexMatch match(kMostMemory, 1);
  ::pcre2_set_match_limit(match.context, kMostSteps);
  ::pcre2_set_heap_limit(match.context, kMostMemory >> 10);
  const int found = ::pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()),
                                  text.size(), at, PCRE2_NO_UTF_CHECK, match.data, match.context);
  bounds = ::pcre2_get_ovector_pointer(match.data);
  switch (found) {
    case PCRE2_ERROR_NOMATCH:
      return false;
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_JIT_STACKLIMIT:
      throw Error(shown() + " goes through more ways to match an answer of " +
                  std::to_string(text.size()) +
                  " bytes than it may; write it so that it cannot go back: \"a++\" in place of "
                  "\"a+\", no repetition within a repetition");
    default:
      if (found < 0)
        throw Error(shown() + " on an answer of " + std::to_string(text.size()) +
                    " bytes: " + text::regex_error(found));
      return true;
  }
}

bool Pattern::matches(std::string_view text) const {
  const PCRE2_SIZE* bounds = nullptr;
  return search(text, 0, bounds);
}

std::optional<std::string_view> Pattern::last_group(std::string_view text) const {
  std::optional<std::string_view> last;
  const PCRE2_SIZE* bounds = nullptr;
  for (std::size_t at = 0; at <= text.size() && search(text, at, bounds);) {
    if (bounds[2] != PCRE2_UNSET && bounds[2] < bounds[3])
      last = text.substr(bounds[2], bounds[3] - bounds[2]);
    // Onwards, by a character where the match is empty (or, by \K, ends where it was looked for).
    if (bounds[1] > at) {
      at = bounds[1];
    } else {
      ++at;
      while (at < text.size() && text::is_continuation(text[at])) ++at;
    }
  }
  return last;
}

}  // namespace lehr::plugins::rewards
