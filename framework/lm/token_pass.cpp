#include "lm/token_pass.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "lm/device.h"
#include "lm/linear.h"
#include "lm/tensor_kernels.h"

namespace lehr::lm {
namespace {

constexpr int64_t kLeastOutputs = 64;  // of a product that are worth a thread
constexpr int64_t kStep = 16;          // whole vectors of outputs
constexpr int64_t kOutputs = 256;      // that a product's sums are kept of

// Which of `outputs` a thread makes.
struct Range {
  int64_t begin, end;
};
Range share(int64_t outputs, int thread, int threads) {
  const int64_t equal = std::max(kLeastOutputs, (outputs + threads - 1) / threads);
  const int64_t size = (equal + kStep - 1) / kStep * kStep;
  return {std::min(outputs, thread * size), std::min(outputs, (thread + 1) * size)};
}

}  // namespace

// Rows in compute dtype where nothing else is said; floats give room for both.
struct TokenPass::Own {
  std::vector<float> x;        // [B, C] residual stream
  std::vector<float> normed;   // [B, C]
  std::vector<float> input;    // [B, inputs of a product] as products want them
  std::vector<float> sums;     // [B, kOutputs] float32
  std::vector<float> gate_up;  // [B, 2, outputs]
  std::vector<float> gated;    // [B, outputs]
  std::vector<float> scores;   // [keys], then [D], float32
};

bool TokenPass::takes(const Model& model) {
  return !model.has_adapter() && !through_aten(model.embedding());
}

TokenPass::TokenPass(const Model& model, KvCache& cache)
    : model_(model),
      config_(model.config()),
      cache_(cache),
      shape_(model.head_shape()),
      head_(model.head().weight),
      kernels_(kernels_for(model.embedding())),
      bytes_(model.embedding().element_size()),
      most_rows_(std::min(kernels_.most_few_rows, cache.slots())),
      own_(static_cast<size_t>(at::get_num_threads())) {
  const auto shared = [&](int64_t width) {
    return at::empty({most_rows_, width}, model.embedding().options());
  };
  const int64_t query_width = shape_.heads * shape_.head_dim;
  qkv_ = shared(shape_.qkv_width());
  attended_ = shared(query_width);
  delta_ = shared(config_.hidden_size);
  gated_ = shared(config_.intermediate_size);
  head_out_ = shared(head_.size(0));
  logits_ = at::empty({most_rows_, head_.size(0)}, at::kFloat);
  const int64_t widest = std::max({config_.hidden_size, query_width, config_.intermediate_size});
  for (Own& own : own_) {
    const auto room = [&](std::vector<float>& rows, int64_t width) {
      rows.resize(static_cast<size_t>(most_rows_ * width));
    };
    room(own.x, config_.hidden_size);
    room(own.normed, config_.hidden_size);
    room(own.input, widest);
    room(own.sums, kOutputs);
    room(own.gate_up, 2 * config_.intermediate_size);
    room(own.gated, config_.intermediate_size);
    own.scores.resize(static_cast<size_t>(cache.rows() + shape_.head_dim));
  }
}

TokenPass::~TokenPass() = default;

at::Tensor TokenPass::logits(std::span<const int32_t> ids, std::span<const int32_t> positions,
                             std::span<const int64_t> slots) {
  rows_ = static_cast<int64_t>(ids.size());
  TORCH_CHECK(rows_ <= most_rows_ && positions.size() == ids.size() && slots.size() == ids.size(),
              "token pass: ", rows_, " rows");
  for (size_t i = 0; i < ids.size(); ++i)
    TORCH_CHECK(slots[i] < cache_.slots() && positions[i] < cache_.rows(), "token pass: row ",
                positions[i], " of slot ", slots[i], " is outside the cache");
  ids_ = ids;
  positions_ = positions;
  slots_ = slots;
  angles_ = rope_table(positions, config_.rope_frequencies());
  const int threads = static_cast<int>(own_.size());
  Meeting meeting;
#pragma omp parallel num_threads(threads)  // there may be fewer
  {
    const int thread = meeting.join();
#pragma omp barrier
    work(own_[static_cast<size_t>(thread)], thread, meeting);
  }
  return logits_.narrow(0, 0, rows_);
}

void TokenPass::work(Own& own, int thread, Meeting& meeting) {
  const int64_t width = config_.hidden_size;
  const auto mine = [&](int64_t outputs) { return share(outputs, thread, meeting.threads()); };
  const auto share_of_product = [&](const at::Tensor& weight, const at::Tensor& bias,
                                    const at::Tensor& to) {
    const Range range = mine(weight.size(0));
    product(own, weight, bias, range.begin, range.end, at(to, 0, range.begin), to.size(1));
  };
  for (int64_t r = 0; r < rows_; ++r)
    std::memcpy(reinterpret_cast<std::byte*>(own.x.data()) + r * width * bytes_,
                row(model_.embedding(), ids_[static_cast<size_t>(r)]),
                static_cast<size_t>(width * bytes_));
  norm(own, nullptr, model_.layer(0).input_norm);
  for (int64_t l = 0; l < config_.layers; ++l) {
    const LayerWeights& w = model_.layer(l);
    share_of_product(w.qkv.weight, w.qkv.bias, qkv_);
    meeting.wait();
    for (int64_t r = thread; r < rows_; r += meeting.threads()) turn_and_keep(w, l, r);
    meeting.wait();
    for (int64_t item = thread; item < rows_ * shape_.heads; item += meeting.threads())
      attend(own, l, item / shape_.heads, item % shape_.heads);
    meeting.wait();
    take(own, attended_.data_ptr(), attended_.size(1));
    share_of_product(w.output.weight, w.output.bias, delta_);
    meeting.wait();
    norm(own, delta_.data_ptr(), w.post_norm);
    const Range gates = mine(config_.intermediate_size);
    gate(own, w, gates.begin, gates.end);
    meeting.wait();
    take(own, gated_.data_ptr(), gated_.size(1));
    share_of_product(w.down.weight, w.down.bias, delta_);
    meeting.wait();
    const bool last = l + 1 == config_.layers;
    norm(own, delta_.data_ptr(), last ? model_.final_norm() : model_.layer(l + 1).input_norm);
  }
  share_of_product(head_, {}, head_out_);
  const Range range = mine(head_.size(0));
  for (int64_t r = 0; r < rows_; ++r) {
    float* to = logits_.data_ptr<float>() + r * logits_.size(1) + range.begin;
    std::fill_n(to, range.end - range.begin, 0.0f);
    kernels_.accumulate(at(head_out_, r, range.begin), to, range.end - range.begin);
  }
}

// x += delta (which may be null), then normed as the next product's input.
void TokenPass::norm(Own& own, const void* delta, const at::Tensor& weight) const {
  kernels_.rms_norm(own.x.data(), delta, own.x.data(), weight.data_ptr(), own.normed.data(),
                    nullptr, rows_, config_.hidden_size, static_cast<float>(config_.rms_norm_eps));
  take(own, own.normed.data(), config_.hidden_size);
}

void TokenPass::take(Own& own, const void* rows, int64_t width) const {
  kernels_.few_rows_input(rows, own.input.data(), rows_ * width);
}

// Outputs [begin, end) of the input times weight, in rows of `to` that are to_row elements apart.
void TokenPass::product(Own& own, const at::Tensor& weight, const at::Tensor& bias, int64_t begin,
                        int64_t end, void* to, int64_t to_row) const {
  auto* place = static_cast<std::byte*>(to);
  for (int64_t first = begin; first < end; first += kOutputs, place += kOutputs * bytes_) {
    const int64_t count = std::min(kOutputs, end - first);
    float* sums = own.sums.data();
    kernels_.few_rows(own.input.data(), row(weight, first), sums, rows_, weight.size(1), count,
                      count);
    for (int64_t r = 0; r < rows_; ++r, sums += count) {
      if (bias.defined())
        kernels_.accumulate(static_cast<std::byte*>(bias.data_ptr()) + first * bytes_, sums, count);
      kernels_.store_scaled(sums, 1.0f, place + r * to_row * bytes_, count);
    }
  }
}

// Columns [begin, end) of the gated activations.
void TokenPass::gate(Own& own, const LayerWeights& w, int64_t begin, int64_t end) {
  const int64_t count = end - begin, all = config_.intermediate_size;
  if (count <= 0) return;
  auto* gate_up = reinterpret_cast<std::byte*>(own.gate_up.data());
  product(own, w.gate_up.weight, w.gate_up.bias, begin, end, gate_up, 2 * count);
  product(own, w.gate_up.weight, w.gate_up.bias, all + begin, all + end, gate_up + count * bytes_,
          2 * count);
  kernels_.swiglu(gate_up, own.gated.data(), rows_, count);
  const auto* gated = reinterpret_cast<const std::byte*>(own.gated.data());
  for (int64_t r = 0; r < rows_; ++r)
    std::memcpy(at(gated_, r, begin), gated + r * count * bytes_,
                static_cast<size_t>(count * bytes_));
}

// Norms and rotates the heads of a row; its keys and values go to the cache.
void TokenPass::turn_and_keep(const LayerWeights& w, int64_t layer, int64_t r) {
  const int64_t d = shape_.head_dim;
  std::byte* queries = at(qkv_, r, 0);
  std::byte* keys = at(qkv_, r, shape_.heads * d);
  const auto norm_heads = [&](void* x, const at::Tensor& weight, int64_t count) {
    kernels_.rms_norm(x, nullptr, x, weight.data_ptr(), x, nullptr, count, d,
                      static_cast<float>(config_.rms_norm_eps));
  };
  if (w.q_norm.defined()) {
    norm_heads(queries, w.q_norm, shape_.heads);
    norm_heads(keys, w.k_norm, shape_.kv_heads);
  }
  kernels_.rope(queries, angles_.data_ptr<float>() + r * d, 1, qkv_.size(1),
                shape_.heads + shape_.kv_heads, d, 1.0f);
  const auto i = static_cast<size_t>(r);
  for (int64_t head = 0; head < 2 * shape_.kv_heads; ++head)
    std::memcpy(cache_.at(layer, slots_[i], head, positions_[i]), keys + head * d * bytes_,
                static_cast<size_t>(d * bytes_));
}

void TokenPass::attend(Own& own, int64_t layer, int64_t r, int64_t head) {
  const int64_t d = shape_.head_dim, kv_head = head / (shape_.heads / shape_.kv_heads);
  const auto i = static_cast<size_t>(r);
  float* sums = own.scores.data() + cache_.rows();
  std::fill_n(sums, d, 0.0f);
  float maximum = -1e30f, total = 0;
  kernels_.attend_range(at(qkv_, r, head * d), cache_.at(layer, slots_[i], kv_head, 0),
                        cache_.at(layer, slots_[i], shape_.kv_heads + kv_head, 0),
                        positions_[i] + 1, d, d, 1.0f / std::sqrt(static_cast<float>(d)),
                        own.scores.data(), &maximum, &total, sums);
  kernels_.store_scaled(sums, 1.0f / total, at(attended_, r, head * d), d);
}

std::byte* TokenPass::at(const at::Tensor& shared, int64_t r, int64_t column) const {
  return static_cast<std::byte*>(row(shared, r)) + column * bytes_;
}

}  // namespace lehr::lm
