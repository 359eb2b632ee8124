// Drops documents that a regular expression finds something in (PCRE2, Unicode). A document on
// which the search would take too long or too much memory is dropped under a name of its own: what
// was not searched is not kept.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <string>

#include "text/regex_match.h"

namespace lehr::plugins::filter {

class Regex : public DocumentStep {
 public:
  void describe(Description& d) override;
  // Compiles the pattern.
  void check() override;
  void process(Document& document) override;

 private:
  std::string pattern_, reason_ = "regex";
  std::int64_t match_limit_ = 10'000'000;
  text::RegexCode code_;
};

}  // namespace lehr::plugins::filter
