// The stage `tokenizer.train`: counts the pre-tokens of the training documents (and of the messages
// of conversations) on all threads, then merges. A stage that was killed goes on counting after its
// last durable state; merging begins anew.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lehr::plugins::tokenizer {

class Train : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;

 private:
  std::int64_t vocab_size_ = 32000;
  std::string pattern_ = "cl100k";
  std::optional<std::string> expression_;
  std::string tie_break_ = "huggingface";
  std::int64_t memory_bytes_ = std::int64_t{8} << 30;
  std::int64_t commit_every_ = std::int64_t{4} << 30;
};

}  // namespace lehr::plugins::tokenizer
