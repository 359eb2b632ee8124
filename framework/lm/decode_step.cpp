#include "lm/decode_step.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>

#include <cstring>
#include <numeric>

#include "lm/aten_operators.h"
#include "lm/device.h"
#include "lm/gpu_kernels.h"
#include "lm/linear.h"
#include "lm/operators.h"
#include "lm/parallel.h"

namespace lehr::lm {
namespace {

// The GPU chooses where it need not sort.
bool chosen_there(const at::Tensor& logits, const SamplingOptions& options) {
  return gpu::takes(logits, logits.size(1)) && (options.temperature == 0 || !options.truncates());
}

std::vector<Choice> choices(const at::Tensor& tokens, const at::Tensor& logprobs) {
  const at::Tensor ids = on_host(tokens), values = on_host(logprobs);
  std::vector<Choice> made(static_cast<size_t>(ids.size(0)));
  for (size_t i = 0; i < made.size(); ++i)
    made[i] = {ids.const_data_ptr<int32_t>()[i], values.const_data_ptr<float>()[i]};
  return made;
}

}  // namespace

at::Tensor next_hidden(const Model& model, KvCache& cache, at::Tensor x, const at::Tensor& angles,
                       const KvCache::Placement& placement, const KvCache::View& view) {
  const ModelConfig& config = model.config();
  const HeadShape shape = model.head_shape();
  at::Tensor h = rms_norm(x, model.layer(0).input_norm, config.rms_norm_eps);
  for (int64_t l = 0; l < config.layers; ++l) {
    const LayerWeights& w = model.layer(l);
    const at::Tensor qkv = project_qkv(config, w, h, angles);
    cache.write(l, qkv, placement);
    const at::Tensor queries = qkv.narrow(1, 0, shape.heads * shape.head_dim);
    const at::Tensor attended = cache.attend(l, queries, view);
    h = add_rms_norm(x, apply(w.output, attended), w.post_norm, config.rms_norm_eps);
    const at::Tensor fed = apply(w.down, swiglu(apply(w.gate_up, h)));
    const bool last = l + 1 == config.layers;
    h = add_rms_norm(x, fed, last ? model.final_norm() : model.layer(l + 1).input_norm,
                     config.rms_norm_eps);
  }
  return h;
}

std::vector<Choice> choose_rows(const at::Tensor& logits, const SamplingOptions& options,
                                std::span<const double> uniforms) {
  const auto count = static_cast<int64_t>(uniforms.size());
  if (chosen_there(logits, options)) {
    const at::Tensor there =
        at::from_blob(const_cast<double*>(uniforms.data()), {count}, at::kDouble)
            .to(logits.device());
    const auto [tokens, logprobs] =
        gpu::choose(logits.narrow(0, 0, count), there, options.temperature);
    return choices(tokens, logprobs);
  }
  const at::Tensor host = on_host(logits).contiguous();
  const auto vocab = static_cast<size_t>(host.size(1));
  const float* data = host.const_data_ptr<float>();
  std::vector<Choice> made(uniforms.size());
  parallel_items(count, [&](int64_t item) {
    const auto i = static_cast<size_t>(item);
    made[i] = choose({data + i * vocab, vocab}, options, uniforms[i]);
  });
  return made;
}

RepeatedStep::RepeatedStep(const Model& model, KvCache& cache, int64_t slots,
                           const SamplingOptions& sampling)
    : model_(model),
      cache_(cache),
      sampling_(sampling),
      frequencies_(floats(model.config().rope_frequencies(), device())),
      fed_(at::empty({4 * slots}, at::TensorOptions(device()).dtype(at::kInt))),
      ids_(fed_.narrow(0, 0, slots)),
      positions_(fed_.narrow(0, slots, slots)),
      uniforms_(fed_.narrow(0, 2 * slots, 2 * slots).view(at::kDouble)),
      from_(at::arange(slots, fed_.options().dtype(at::kLong))),
      first_rows_(from_ * cache.rows()) {
  view_.slots.resize(static_cast<size_t>(slots));
  std::iota(view_.slots.begin(), view_.slots.end(), 0);
  view_.counts.assign(view_.slots.size(), static_cast<int32_t>(cache.rows()));
  view_ = cache.view(view_.slots, view_.counts);
}

void RepeatedStep::step() {
  view_.rows->counts = positions_ + 1;
  const at::Tensor hidden = next_hidden(
      model_, cache_, at::index_select(model_.embedding(), 0, ids_),
      aten::rope_table(positions_, frequencies_), {{}, from_, first_rows_ + positions_}, view_);
  logits_ = model_.logits(hidden);
  if (!chosen_there(logits_, sampling_)) return;
  std::tie(tokens_, logprobs_) = gpu::choose(logits_, uniforms_, sampling_.temperature);
}

std::vector<Choice> RepeatedStep::run(std::span<const Row> rows) {
  const size_t count = rows.size();
  std::vector<int32_t> fed(4 * count);
  std::vector<double> uniforms(count);
  for (size_t i = 0; i < count; ++i) {
    fed[i] = rows[i].id;
    fed[count + i] = rows[i].position;
    uniforms[i] = rows[i].uniform;
  }
  std::memcpy(fed.data() + 2 * count, uniforms.data(), count * sizeof(double));
  fed_.copy_(indices(fed, at::kCPU));
  if (!fed_.is_cuda() || runs_++ == 0) {
    step();  // the first time, what ATen sets up once is set up
  } else {
    // Freed from under a graph is what ATen keeps for itself, and only when memory ran out.
    if (!graph_.recorded() || retries_ != allocation_retries()) {
      retries_ = allocation_retries();
      graph_.record(current_stream(), [this] { step(); });
    }
    graph_.launch(current_stream());
  }
  if (tokens_.defined()) return choices(tokens_, logprobs_);
  return choose_rows(logits_, sampling_, uniforms);
}

}  // namespace lehr::lm
