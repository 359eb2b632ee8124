// Drops documents that a regular expression finds something in (PCRE2, Unicode). A document on
// which the search would take too long or too much memory is dropped under a name of its own: what
// was not searched is not kept.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <memory>
#include <string>

struct pcre2_real_code_8;

namespace lehr::plugins::filter {

class Regex : public DocumentStep {
 public:
  void describe(Description& d) override;
  // Compiles the pattern.
  void check() override;
  void process(Document& document) override;

 private:
  struct Free {
    void operator()(pcre2_real_code_8* code) const;
  };

  std::string pattern_, reason_ = "regex";
  std::int64_t match_limit_ = 10'000'000;
  std::unique_ptr<pcre2_real_code_8, Free> code_;
};

}  // namespace lehr::plugins::filter
