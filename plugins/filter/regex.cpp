#include "regex.h"

namespace lehr::plugins::filter {
namespace {

// Of a search, for what it may have to go back to: a compiled one keeps it on a stack of its own,
// PCRE2's interpreter on the heap.
constexpr std::size_t kMostMemory = 64 << 20;

}  // namespace

void Regex::describe(Description& d) {
  d.summary("drops documents that a regular expression finds something in");
  d.text("pattern", pattern_).required().help("PCRE2's syntax; \\w, \\d and the like know Unicode");
  d.text("reason", reason_).help("the name they are dropped under");
  d.count("match_limit", match_limit_)
      .range(1, 4'000'000'000)
      .help(
          "steps of a search; a document that needs more, or more than 64 MiB, is dropped: "
          "regex_limit");
}

void Regex::check() {
  if (reason_.empty()) throw Error("reason is empty: name what the pattern finds");
  try {
    code_ = text::RegexCode(pattern_);
  } catch (const Error& e) {
    throw Error("pattern \"" + pattern_ + "\": " + e.what());
  }
}

void Regex::process(Document& document) {
  thread_local const text::RegexMatch match(kMostMemory);  // for all such steps
  ::pcre2_set_match_limit(match.context, static_cast<std::uint32_t>(match_limit_));
  ::pcre2_set_heap_limit(match.context, kMostMemory >> 10);
  const std::string_view text = document.text();
  const int found = ::pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()),
                                  text.size(), 0, PCRE2_NO_UTF_CHECK, match.data, match.context);
  if (found >= 0) return document.drop(reason_);
  switch (found) {
    case PCRE2_ERROR_NOMATCH:
      return;
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_JIT_STACKLIMIT:
      return document.drop("regex_limit");
    default:
      throw Error("pattern \"" + pattern_ + "\" on document '" + std::string(document.id()) +
                  "': " + text::regex_error(found));
  }
}

}  // namespace lehr::plugins::filter
