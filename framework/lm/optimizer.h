// AdamW (Loshchilov & Hutter 2019) over the flat buffers of what a model trains: global-norm clip,
// decoupled decay of 2-D weights, update and bf16 write-out in one pass over memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "lm/model.h"

namespace lehr::lm {

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;   // 2-D weights only
  double max_grad_norm = 1.0;  // <= 0: no clipping
};

struct StepReport {
  double grad_norm = 0;  // before clipping
  bool applied = false;  // false: the norm was NaN or infinite; weights and moments are untouched
};

class AdamW {
 public:
  // The model must be trainable and outlive the optimizer.
  AdamW(Model& model, const AdamWOptions& options);

  // Updates the weights from model.gradients() and zeroes the gradients when applied.
  StepReport step(double learning_rate);

  // State for checkpoints: float32, laid out as model.trained(). Writable.
  const at::Tensor& exp_avg() const { return exp_avg_; }
  const at::Tensor& exp_avg_sq() const { return exp_avg_sq_; }
  int64_t updates() const { return updates_; }
  void set_updates(int64_t updates) { updates_ = updates; }
  const AdamWOptions& options() const { return options_; }

 private:
  Model& model_;
  AdamWOptions options_;
  at::Tensor exp_avg_;
  at::Tensor exp_avg_sq_;
  int64_t updates_ = 0;
};

// sqrt of the sum of squares of a flat float32 tensor, in double over fixed blocks: the same value
// for every number of threads.
double global_norm(const at::Tensor& flat);

}  // namespace lehr::lm
