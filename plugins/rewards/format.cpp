#include "format.h"

#include "text/utf8_repair.h"

namespace lehr::plugins::rewards {

void Format::describe(Description& d) {
  d.summary(
      "1 for an answer that a regular expression matches from its first to its last character");
  d.text("pattern", expression_)
      .required()
      .help("PCRE2's syntax; . is any character but a line end, with (?s) any at all");
}

void Format::check() { pattern_ = Pattern("pattern", expression_, Pattern::Reach::whole); }

double Format::score(const Exchange& exchange) {
  return pattern_.matches(text::replace_invalid_utf8(exchange.completion));
}

}  // namespace lehr::plugins::rewards
