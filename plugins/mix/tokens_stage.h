// The stage `mix.tokens`: encoded corpora of one tokenizer become one.
#pragma once

#include "mix_stage.h"

namespace lehr::plugins::mix {

class Tokens : public MixStage {
 public:
  Tokens() : MixStage("tokens", "tokens") {}
  void describe(Description& d) override;
  void run(Context& context) override;
};

}  // namespace lehr::plugins::mix
