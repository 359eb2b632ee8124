// Drops documents that are too short or too long, in characters (code points) or in words
// (separated by whitespace).
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>

namespace lehr::plugins::filter {

class Length : public DocumentStep {
 public:
  void describe(Description& d) override;
  void check() override;
  void process(Document& document) override;

 private:
  std::optional<std::int64_t> min_characters_, max_characters_, min_words_, max_words_;
};

}  // namespace lehr::plugins::filter
