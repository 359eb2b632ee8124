// The stage `tokenizer.megatron`: tokens as the files that Megatron-LM trains on
// (megatron_files.h): train.bin and train.idx, and eval.* where there are held-out documents, each
// of all shards, and the tokenizer's files beside them.
#pragma once

#include <lehr/plugin.h>

namespace lehr::plugins::tokenizer {

class Megatron : public Stage {
 public:
  void describe(Description& d) override;
  void run(Context& context) override;
};

}  // namespace lehr::plugins::tokenizer
