// Drops documents that are too short or too long, in characters (code points) or in words
// (separated by whitespace).
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "measured_step.h"

namespace lehr::plugins::filter {

class Length : public MeasuredStep {
 public:
  static constexpr const char* kName = "filter.length";
  Length() : MeasuredStep(kName) {}
  void describe(Description& d) override;
  void check() override;

 protected:
  void judge(std::string_view text, Judgement& judgement) override;

 private:
  std::optional<std::int64_t> min_characters_, max_characters_, min_words_, max_words_;
};

}  // namespace lehr::plugins::filter
