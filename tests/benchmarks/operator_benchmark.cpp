// Where the time of a training step goes: each operator of a model on one packed row, all layers
// together, then whole passes. Random weights, documents of equal length.
//
//   operator_benchmark DEVICE PRECISION THREADS ROW_TOKENS DOCUMENT_TOKENS WIDTH LAYERS HEADS
//   KV_HEADS FFN VOCABULARY
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "lm/attention.h"
#include "lm/device.h"
#include "lm/linear.h"
#include "lm/model.h"
#include "lm/optimizer.h"
#include "lm/row_sum.h"
#include "lm/tensor_kernels.h"

using namespace lehr;

namespace {

// Milliseconds, the median of some runs, the device waited for.
double milliseconds(const std::function<void()>& run) {
  std::vector<double> times;
  for (int i = 0; i < 7; ++i) {
    lm::synchronize();
    const auto start = std::chrono::steady_clock::now();
    for (int again = 0; again < 3; ++again) run();
    lm::synchronize();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    if (i > 0) times.push_back(took.count() / 3);
  }
  std::nth_element(times.begin(), times.begin() + 3, times.end());
  return times[3];
}

lm::PackedBatch documents(std::int32_t tokens, std::int32_t each, std::int32_t vocabulary) {
  lm::PackedBatch batch;
  for (std::int32_t i = 0; i < tokens; ++i) {
    if (i % each == 0) batch.segments.push_back({i, std::min(tokens, i + each), 0, 0});
    batch.ids.push_back(static_cast<std::int32_t>(i * 7919LL % vocabulary));
    batch.positions.push_back(i % each);
    batch.loss_entries.push_back({i, (i * 31 + 7) % vocabulary, 1.0f / static_cast<float>(tokens)});
  }
  return batch;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 12) return 2;
  const auto number = [&](int i) { return std::stoll(argv[i]); };
  lm::choose_device(argv[1]);
  lm::start_runtime(static_cast<int>(number(3)));
  const lm::Precision precision = lm::parse_precision(argv[2]);
  const auto rows = static_cast<std::int32_t>(number(4)),
             each = static_cast<std::int32_t>(number(5));
  lm::ModelConfig config;
  config.hidden_size = number(6);
  config.layers = number(7);
  config.heads = number(8);
  config.kv_heads = number(9);
  config.intermediate_size = number(10);
  config.vocab_size = number(11);
  config.head_dim = config.hidden_size / config.heads;
  config.max_position_embeddings = each;
  config.tie_word_embeddings = true;
  lm::Model model = lm::Model::create(config, 1, precision);
  model.make_trainable();
  lm::Optimizer optimizer(model, {});
  const lm::PackedBatch batch = documents(rows, each, static_cast<std::int32_t>(config.vocab_size));

  const auto layers = static_cast<double>(config.layers);
  double parts = 0;
  const auto tell = [&](const char* what, double times, const std::function<void()>& run) {
    const double ms = times * milliseconds(run);
    parts += ms;
    std::printf("%-34s %9.3f ms\n", what, ms);
  };
  {
    const at::NoGradGuard no_gradients;
    const lm::LayerWeights& w = model.layer(0);
    const lm::HeadShape shape = model.head_shape();
    const auto type = precision == lm::Precision::kBf16 ? at::kBFloat16 : at::kFloat;
    const auto random = [&](std::int64_t width) {
      return at::randn({rows, width}).to(lm::device(), type);
    };
    const at::Tensor x = random(config.hidden_size), delta = random(config.hidden_size);
    const lm::PackedSegments segments(batch.segments);
    const at::Tensor angles = lm::rope_table(batch.positions, config.rope_frequencies());
    at::Tensor qkv = lm::apply(w.qkv, x), dx = x.clone();
    const lm::AttentionOutput attended = lm::attention_forward(qkv, segments, shape, true);
    const at::Tensor gate_up = lm::apply(w.gate_up, x), gated = lm::swiglu(gate_up);
    const lm::NormOutput normed = lm::norm_forward(x, delta, w.input_norm, 1e-5);
    const at::Tensor flat = model.gradients();
    const auto gradient = [&](const lm::Linear& of) {
      return lm::ParameterBuffer::view(
          flat, {"", {of.weight.size(0), of.weight.size(1)}, 0, of.weight.numel(), true});
    };
    const at::Tensor norm_gradient = flat.narrow(0, 0, config.hidden_size);
    tell("rope table, segments", 1, [&] {
      lm::rope_table(batch.positions, config.rope_frequencies());
      lm::PackedSegments again(batch.segments);
    });
    tell("embedding", 1, [&] { lm::gather_rows(model.embedding(), batch.ids); });
    tell("norms", 2 * layers + 1, [&] { lm::norm_forward(x, delta, w.input_norm, 1e-5); });
    for (const auto& [name, linear, input] : {std::tuple{"qkv product", &w.qkv, x},
                                              {"output product", &w.output, attended.out},
                                              {"gate, up product", &w.gate_up, x},
                                              {"down product", &w.down, gated}}) {
      const at::Tensor dy = lm::apply(*linear, input);
      tell(name, layers, [&] { lm::apply(*linear, input); });
      tell("  its input gradient", layers, [&] { lm::input_gradient(*linear, dy); });
      tell("  its weight gradient", layers,
           [&] { lm::accumulate_weight_gradient(dy, input, gradient(*linear)); });
    }
    tell("rope, both ways", 2 * layers, [&] { lm::rotate_(qkv, angles, shape, 1.0f); });
    tell("attention", layers, [&] { lm::attention_forward(qkv, segments, shape, true); });
    tell("attention backward", layers,
         [&] { lm::attention_backward(attended.out, qkv, attended, segments, shape); });
    tell("swiglu", layers, [&] { lm::swiglu(gate_up); });
    tell("swiglu backward", layers, [&] { lm::swiglu_backward(gate_up, gated); });
    tell("norms backward", 2 * layers + 1, [&] {
      lm::norm_backward(delta, normed.sum, normed.rstd, w.input_norm, dx, true, norm_gradient);
    });
    tell("embedding gradient", 1, [&] {
      lm::accumulate_embedding_gradient(x, batch.ids,
                                        flat.narrow(0, 0, config.vocab_size * config.hidden_size)
                                            .view({config.vocab_size, config.hidden_size}));
    });
    model.zero_gradients();
  }
  const at::Tensor hidden = model.forward_hidden(batch).detach().requires_grad_(true);
  tell("head, loss and both gradients", 1,
       [&] { lm::linear_cross_entropy(hidden, model.head(), batch.loss_entries).loss.backward(); });
  tell("update", 1, [&] {
    model.gradients().fill_(1e-3f);
    optimizer.step(1e-4);
  });
  std::printf("%-34s %9.3f ms\n", "sum of these", parts);
  const auto pass = [&] {
    const at::Tensor h = model.forward_hidden(batch);
    model.backward(lm::linear_cross_entropy(h, model.head(), batch.loss_entries).loss);
  };
  const double whole = milliseconds([&] {
    pass();
    optimizer.step(1e-4);
  });
  const double forward = milliseconds([&] {
    const at::NoGradGuard no_gradients;
    model.forward_hidden(batch);
  });
  std::printf("%-34s %9.3f ms\n%-34s %9.3f ms\n", "forward without head", forward, "a whole step",
              whole);
  const double flops = config.flops_per_token(lm::mean_keys(batch)) * rows;
  std::printf("%-34s %9.0f tokens/s, %.1f %% of %.1f TFLOP/s\n", "", 1e3 * rows / whole,
              1e5 * flops / whole / lm::measure_peak_flops(precision),
              lm::measure_peak_flops(precision) / 1e12);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "operator_benchmark: %s\n", error.what());
  return 1;
}
