#include "lm/optimizer.h"

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "lm/device.h"
#include "lm/muon.h"
#include "lm/parallel.h"
#include "lm/tensor_kernels.h"

namespace lehr::lm {
namespace {

constexpr int64_t kBlock = 1 << 14;  // 64 KB a buffer: master, moments and gradient stay in cache
constexpr int64_t kSquaresAlignment = 16;  // elements: 64 bytes

// A layer's product; not the embedding, the heads or an adapter's factors.
bool takes_muon_step(const ParameterSlot& slot, const OptimizerOptions& options) {
  return options.kind == "muon" && slot.shape.size() == 2 &&
         slot.name.starts_with("model.layers.") && slot.name.ends_with("_proj.weight");
}

}  // namespace

std::vector<ParameterSlot> squared_slots(const std::vector<ParameterSlot>& trained,
                                         const OptimizerOptions& options) {
  std::vector<ParameterSlot> squared;
  int64_t next = 0;
  for (const ParameterSlot& slot : trained) {
    if (takes_muon_step(slot, options)) continue;
    squared.push_back(slot);
    squared.back().offset = next;
    next += (slot.size + kSquaresAlignment - 1) / kSquaresAlignment * kSquaresAlignment;
  }
  return squared;
}

double global_norm(const at::Tensor& flat) {
  if (through_aten(flat)) return at::linalg_vector_norm(flat).item<double>();
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

Optimizer::Optimizer(Model& model, const OptimizerOptions& options)
    : model_(model), options_(options) {
  if (!model.trainable()) throw std::logic_error("Optimizer: make the model trainable first");
  const std::vector<ParameterSlot>& trained = model.trained().slots;
  squared_ = squared_slots(trained, options_);
  exp_avg_ = at::zeros_like(model.trained().weights);
  exp_avg_sq_ = at::zeros({squared_.empty() ? 0 : squared_.back().offset + squared_.back().size},
                          exp_avg_.options());
  auto squared = squared_.begin();
  for (const ParameterSlot& slot : trained) {
    if (takes_muon_step(slot, options_)) {
      matrices_.push_back(slot);
      continue;
    }
    const int64_t block = through_aten(exp_avg_) ? slot.size : kBlock;
    for (int64_t at = 0; at < slot.size; at += block)
      blocks_.push_back({slot.offset + at, slot.offset + std::min(slot.size, at + block),
                         squared->offset + at, slot.decay});
    ++squared;
  }
}

StepReport Optimizer::step(double learning_rate) {
  StepReport report;
  report.grad_norm = global_norm(model_.trained().gradients);
  if (!std::isfinite(report.grad_norm)) return report;
  const double clip = options_.max_grad_norm;
  // torch's clip_grad_norm_: max / (norm + 1e-6), never above 1
  const double scale = clip > 0 ? std::min(1.0, clip / (report.grad_norm + 1e-6)) : 1.0;
  adamw(learning_rate, static_cast<float>(scale));
  muon(learning_rate, scale);
  if (through_aten(exp_avg_)) {
    model_.trained().gradients.zero_();
    model_.refresh_compute_copy();
  }
  ++updates_;
  report.applied = true;
  return report;
}

void Optimizer::adamw_through_aten(double learning_rate, float gradient_scale) {
  const auto number = [&](double value) { return at::full({}, value, exp_avg_.options()); };
  const at::Tensor updates = number(static_cast<double>(updates_ + 1));
  const at::Tensor divisor = number(1 / gradient_scale);
  for (const bool decay : {true, false}) {
    std::vector<at::Tensor> weights, gradients, averages, squares;
    for (const Block& part : blocks_) {
      if (part.decay != decay) continue;
      const int64_t size = part.end - part.begin;
      weights.push_back(model_.trained().weights.narrow(0, part.begin, size));
      gradients.push_back(model_.trained().gradients.narrow(0, part.begin, size));
      averages.push_back(exp_avg_.narrow(0, part.begin, size));
      squares.push_back(exp_avg_sq_.narrow(0, part.squared, size));
    }
    if (weights.empty()) continue;
    const std::vector<at::Tensor> steps(weights.size(), updates);
    at::_fused_adamw_(weights, gradients, averages, squares, {}, steps, learning_rate,
                      options_.beta1, options_.beta2, decay ? options_.weight_decay : 0.0,
                      options_.eps, /*amsgrad=*/false, /*maximize=*/false, divisor);
  }
}

void Optimizer::adamw(double learning_rate, float gradient_scale) {
  if (through_aten(exp_avg_)) return adamw_through_aten(learning_rate, gradient_scale);
  const double updates = static_cast<double>(updates_ + 1);
  AdamWPass pass{};
  pass.learning_rate = static_cast<float>(learning_rate);
  pass.beta1 = static_cast<float>(options_.beta1);
  pass.beta2 = static_cast<float>(options_.beta2);
  pass.rest1 = static_cast<float>(1.0 - options_.beta1);
  pass.rest2 = static_cast<float>(1.0 - options_.beta2);
  pass.eps = static_cast<float>(options_.eps);
  pass.gradient_scale = gradient_scale;
  pass.bias1 = static_cast<float>(1.0 - std::pow(options_.beta1, updates));
  pass.bias2 = static_cast<float>(1.0 - std::pow(options_.beta2, updates));
  ParameterBuffer& parameters = model_.trained();
  const bool separate = parameters.is_split();
  const Kernels& k = kernels(separate);
  char* compute = static_cast<char*>(parameters.compute.data_ptr());
  parallel_items(static_cast<int64_t>(blocks_.size()), [&](int64_t i) {
    const Block& block = blocks_[static_cast<size_t>(i)];
    AdamWPass own = pass;
    own.weight_decay = block.decay ? static_cast<float>(options_.weight_decay) : 0.0f;
    k.adamw(parameters.weights.data_ptr<float>() + block.begin,
            parameters.gradients.data_ptr<float>() + block.begin,
            exp_avg_.data_ptr<float>() + block.begin, exp_avg_sq_.data_ptr<float>() + block.squared,
            separate ? compute + block.begin * 2 : nullptr, block.end - block.begin, own);
  });
}

void Optimizer::muon(double learning_rate, double gradient_scale) {
  ParameterBuffer& parameters = model_.trained();
  for (const ParameterSlot& slot : matrices_) {
    const auto view = [&](const at::Tensor& flat) { return ParameterBuffer::view(flat, slot); };
    const at::Tensor weight = view(parameters.weights), gradient = view(parameters.gradients);
    muon_step(weight, gradient, view(exp_avg_),
              parameters.is_split() ? view(parameters.compute) : weight,
              {learning_rate, options_.momentum, options_.weight_decay, gradient_scale});
    gradient.zero_();
  }
}

}  // namespace lehr::lm
