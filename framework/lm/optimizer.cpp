#include "lm/optimizer.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "lm/parallel.h"
#include "lm/tensor_kernels.h"

namespace lehr::lm {
namespace {

constexpr int64_t kBlock = 1 << 14;  // 64 KB a buffer: master, moments and gradient stay in cache

}  // namespace

double global_norm(const at::Tensor& flat) {
  const int64_t count = flat.numel();
  std::vector<double> sums(static_cast<size_t>((count + kBlock - 1) / kBlock));
  const Kernels& k = kernels(false);
  const float* x = flat.data_ptr<float>();
  parallel_blocks(count, kBlock, [&](int64_t begin, int64_t end) {
    sums[static_cast<size_t>(begin / kBlock)] = k.sum_squares(x + begin, end - begin);
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return std::sqrt(total);
}

AdamW::AdamW(Model& model, const AdamWOptions& options) : model_(model), options_(options) {
  if (!model.trainable()) throw std::logic_error("AdamW: make the model trainable first");
  exp_avg_ = at::zeros(model.trained().weights.sizes(), at::kFloat);
  exp_avg_sq_ = at::zeros(model.trained().weights.sizes(), at::kFloat);
}

StepReport AdamW::step(double learning_rate) {
  StepReport report;
  ParameterBuffer& parameters = model_.trained();
  report.grad_norm = global_norm(parameters.gradients);
  if (!std::isfinite(report.grad_norm)) return report;

  const double clip = options_.max_grad_norm;
  const double updates = static_cast<double>(updates_ + 1);
  AdamWPass pass{};
  pass.learning_rate = static_cast<float>(learning_rate);
  pass.beta1 = static_cast<float>(options_.beta1);
  pass.beta2 = static_cast<float>(options_.beta2);
  pass.rest1 = static_cast<float>(1.0 - options_.beta1);
  pass.rest2 = static_cast<float>(1.0 - options_.beta2);
  pass.eps = static_cast<float>(options_.eps);
  // torch's clip_grad_norm_: max / (norm + 1e-6), never above 1
  pass.gradient_scale =
      clip > 0 ? static_cast<float>(std::min(1.0, clip / (report.grad_norm + 1e-6))) : 1.0f;
  pass.bias1 = static_cast<float>(1.0 - std::pow(options_.beta1, updates));
  pass.bias2 = static_cast<float>(1.0 - std::pow(options_.beta2, updates));

  // Blocks over all tensors as one list of items; norms and matrices differ in decay alone.
  struct Block {
    int64_t begin, end;
    bool decay;
  };
  std::vector<Block> blocks;
  for (const ParameterSlot& slot : parameters.slots) {
    for (int64_t at = 0; at < slot.size; at += kBlock) {
      blocks.push_back(
          {slot.offset + at, slot.offset + std::min(slot.size, at + kBlock), slot.decay});
    }
  }
  const bool separate = parameters.is_split();
  const Kernels& k = kernels(separate);
  char* compute = static_cast<char*>(parameters.compute.data_ptr());
  parallel_items(static_cast<int64_t>(blocks.size()), [&](int64_t i) {
    const Block& block = blocks[static_cast<size_t>(i)];
    AdamWPass own = pass;
    own.weight_decay = block.decay ? static_cast<float>(options_.weight_decay) : 0.0f;
    k.adamw(parameters.weights.data_ptr<float>() + block.begin,
            parameters.gradients.data_ptr<float>() + block.begin,
            exp_avg_.data_ptr<float>() + block.begin, exp_avg_sq_.data_ptr<float>() + block.begin,
            separate ? compute + block.begin * 2 : nullptr, block.end - block.begin, own);
  });
  ++updates_;
  report.applied = true;
  return report;
}

}  // namespace lehr::lm
