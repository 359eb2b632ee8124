// The stage `tokenizer.encode`: documents to token shards, train-* and eval-* both, every document
// closed with end-of-text. The tokenizer's files are copied beside them, so that the tokens can be
// used alone. The shards do not depend on the number of threads. A stage that was killed goes on
// after its last durable state.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lehr::plugins::tokenizer {

class Encode : public Stage {
 public:
  void describe(Description& d) override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;

 private:
  std::int64_t commit_every_ = std::int64_t{4} << 30;
  bool match_special_tokens_ = false;
  std::optional<std::string> weight_field_;
};

}  // namespace lehr::plugins::tokenizer
