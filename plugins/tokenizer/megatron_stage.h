// The stage `tokenizer.megatron`: tokens as the files that Megatron-LM trains on
// (megatron_files.h): train.bin and train.idx, and eval.* where there are held-out documents, each
// of all shards, and the tokenizer's files beside them. A stage that was killed goes on after its
// last durable state.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>

namespace lehr::plugins::tokenizer {

class Megatron : public Stage {
 public:
  void describe(Description& d) override;
  void run(Context& context) override;

 private:
  std::int64_t commit_every_ = std::int64_t{4} << 30;
};

}  // namespace lehr::plugins::tokenizer
