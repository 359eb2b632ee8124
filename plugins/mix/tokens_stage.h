// The stage `mix.tokens`: encoded corpora of one tokenizer become one.
#pragma once

#include <vector>

#include "mix_stage.h"

namespace lehr::plugins::mix {

class Tokens : public MixStage {
 public:
  Tokens() : MixStage("tokens", "tokens") {}
  void describe(Description& d) override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;
};

}  // namespace lehr::plugins::mix
