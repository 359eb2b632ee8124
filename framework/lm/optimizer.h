// The update of what a model trains, over its flat buffers: global-norm clip, then AdamW
// (Loshchilov & Hutter 2019), decoupled decay of 2-D weights, update and bf16 write-out in one pass
// over memory. Kind `muon`: the layers' matrices take Muon's step (muon.h), all else AdamW's.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "lm/model.h"

namespace lehr::lm {

struct OptimizerOptions {
  std::string kind = "adamw";  // adamw | muon
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;   // 2-D weights only
  double max_grad_norm = 1.0;  // <= 0: no clipping
  double momentum = 0.95;      // muon's
};

struct StepReport {
  double grad_norm = 0;  // before clipping
  bool applied = false;  // false: the norm was NaN or infinite; weights and moments are untouched
};

// Which of the trained tensors have a mean of squares (exp_avg_sq), and where it lies in that
// buffer: all but those that take Muon's step.
std::vector<ParameterSlot> squared_slots(const std::vector<ParameterSlot>& trained,
                                         const OptimizerOptions& options);

class Optimizer {
 public:
  // The model must be trainable and outlive the optimizer.
  Optimizer(Model& model, const OptimizerOptions& options);

  // Updates the weights from model.gradients() and zeroes the gradients when applied.
  StepReport step(double learning_rate);

  // State for checkpoints: float32, writable. exp_avg is laid out as model.trained(), Muon's
  // momentum included; exp_avg_sq as squared().
  const at::Tensor& exp_avg() const { return exp_avg_; }
  const at::Tensor& exp_avg_sq() const { return exp_avg_sq_; }
  const std::vector<ParameterSlot>& squared() const { return squared_; }
  int64_t updates() const { return updates_; }
  void set_updates(int64_t updates) { updates_ = updates; }
  const OptimizerOptions& options() const { return options_; }

 private:
  // Blocks (through ATen: whole tensors) of all AdamW tensors as one list of items; norms and
  // matrices differ in decay alone.
  struct Block {
    int64_t begin, end;
    int64_t squared;  // where exp_avg_sq has the block
    bool decay;
  };
  void adamw(double learning_rate, float gradient_scale);
  void adamw_through_aten(double learning_rate, float gradient_scale);
  void muon(double learning_rate, double gradient_scale);

  Model& model_;
  OptimizerOptions options_;
  std::vector<Block> blocks_;
  std::vector<ParameterSlot> matrices_;  // muon's
  std::vector<ParameterSlot> squared_;
  at::Tensor exp_avg_;
  at::Tensor exp_avg_sq_;
  int64_t updates_ = 0;
};

// sqrt of the sum of squares of a flat float32 tensor, in double over fixed blocks: the same value
// for every number of threads.
double global_norm(const at::Tensor& flat);

}  // namespace lehr::lm
