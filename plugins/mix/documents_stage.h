// The stage `mix.documents`: documents of several sources become one corpus. Amounts are bytes of
// text.
#pragma once

#include "mix_stage.h"

namespace lehr::plugins::mix {

class Documents : public MixStage {
 public:
  Documents() : MixStage("documents", "text_bytes") {}
  void describe(Description& d) override;
  void run(Context& context) override;

 private:
  std::int64_t shard_bytes_ = 1 << 30;
};

}  // namespace lehr::plugins::mix
