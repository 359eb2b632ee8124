// The stage: next-token prediction over packed documents, from random weights or a given model.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lm/config.h"
#include "lm/training_loop.h"

namespace lehr::plugins::pretrain {

// Shape of a new model; the vocabulary comes from the tokens.
struct Shape {
  std::string family = "llama";
  std::int64_t width = 256;
  std::int64_t layers = 6;
  std::int64_t heads = 8;
  std::optional<std::int64_t> kv_heads;  // null: heads
  std::optional<std::int64_t> ffn;       // null: 8/3 of width, rounded up to a multiple of 64
  std::int64_t context = 256;
  bool tied = true;
  double rope_theta = 10000;

  lm::ModelConfig config(std::int64_t vocab_size) const;
};

lm::TrainOptions pretrain_defaults();

class Pretrain : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;
  void check_inputs(const std::vector<Input>& inputs) override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;

 private:
  Shape shape_;
  lm::TrainOptions training_ = pretrain_defaults();
};

}  // namespace lehr::plugins::pretrain
