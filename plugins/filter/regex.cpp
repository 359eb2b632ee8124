#include "regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace lehr::plugins::filter {
namespace {

constexpr std::uint32_t kHeapKibibytes = 64 << 10;

std::string message_of(int error) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(error, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

}  // namespace

void Regex::Free::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }
void Regex::Free::operator()(pcre2_real_match_data_8* data) const { pcre2_match_data_free(data); }
void Regex::Free::operator()(pcre2_real_match_context_8* context) const {
  pcre2_match_context_free(context);
}

void Regex::describe(Description& d) {
  d.summary("drops documents that a regular expression finds something in");
  d.text("pattern", pattern_).required().help("PCRE2's syntax; \\w, \\d and the like know Unicode");
  d.text("reason", reason_).help("the name they are dropped under");
  d.count("match_limit", match_limit_)
      .range(1, 4'000'000'000)
      .help("steps of a search; a document that needs more is dropped: regex_limit");
}

void Regex::check() {
  if (reason_.empty()) throw Error("reason is empty: name what the pattern finds");
  int error = 0;
  PCRE2_SIZE at = 0;
  code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern_.data()), pattern_.size(),
                            PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &at, nullptr));
  if (!code_)
    throw Error("pattern \"" + pattern_ + "\", character " + std::to_string(at) + ": " +
                message_of(error));
  pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);  // where it cannot, matching is slower
  data_.reset(pcre2_match_data_create(1, nullptr));
  context_.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(context_.get(), static_cast<std::uint32_t>(match_limit_));
  pcre2_set_heap_limit(context_.get(), kHeapKibibytes);
}

void Regex::process(Document& document) {
  const std::string_view text = document.text();
  const int found = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                0, PCRE2_NO_UTF_CHECK, data_.get(), context_.get());
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
                  "': " + message_of(found));
  }
}

}  // namespace lehr::plugins::filter
