#include "lm/operators.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <cmath>

#include "lm/aten_operators.h"
#include "lm/attention.h"
#include "lm/device.h"
#include "lm/gpu_kernels.h"
#include "lm/kernels.h"
#include "lm/parallel.h"
#include "lm/tensor_kernels.h"

namespace lehr::lm {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return norm_forward(x, {}, weight, eps).normed;
}

at::Tensor add_rms_norm(at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight,
                        double eps) {
  if (through_aten(x)) {
    const NormOutput made = norm_forward(x, delta, weight, eps);
    x = made.sum;
    return made.normed;
  }
  const at::Tensor y = at::empty_like(x);
  const Kernels& k = kernels_for(x);
  const int64_t width = x.size(1);
  check_dense(x, "add_rms_norm x");
  check_dense(delta, "add_rms_norm delta");
  parallel_blocks(x.size(0), kRowBlock, [&](int64_t begin, int64_t end) {
    k.rms_norm(row(x, begin), row(delta, begin), row(x, begin), weight.data_ptr(), row(y, begin),
               nullptr, end - begin, width, static_cast<float>(eps));
  });
  return y;
}

void rope_(at::Tensor& qkv, const at::Tensor& cosines_sines, const HeadShape& shape) {
  rotate_(qkv, cosines_sines, shape, 1.0f);
}

at::Tensor rope_table(std::span<const int32_t> positions, std::span<const float> frequencies) {
  if (!device().is_cpu())
    return aten::rope_table(indices(positions, device()), floats(frequencies, device()));
  const int64_t rows = static_cast<int64_t>(positions.size());
  const int64_t half = static_cast<int64_t>(frequencies.size());
  const int64_t head_dim = 2 * half;
  at::Tensor table = at::empty({rows, head_dim}, at::kFloat);
  float* out = table.data_ptr<float>();
  parallel_blocks(rows, kRowBlock, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t i = 0; i < half; ++i) {
        const float angle = static_cast<float>(positions[static_cast<size_t>(r)]) *
                            frequencies[static_cast<size_t>(i)];
        out[r * head_dim + i] = std::cos(angle);
        out[r * head_dim + half + i] = std::sin(angle);
      }
    }
  });
  return table;
}

at::Tensor swiglu(const at::Tensor& gate_up) {
  check_dense(gate_up, "swiglu gate_up");
  if (gpu::takes(gate_up, gate_up.size(1) / 2)) return gpu::swiglu(gate_up);
  if (through_aten(gate_up)) return aten::swiglu(gate_up);
  const int64_t width = gate_up.size(1) / 2;
  at::Tensor y = at::empty({gate_up.size(0), width}, gate_up.options());
  const Kernels& k = kernels_for(gate_up);
  parallel_blocks(gate_up.size(0), kRowBlock, [&](int64_t begin, int64_t end) {
    k.swiglu(row(gate_up, begin), row(y, begin), end - begin, width);
  });
  return y;
}

at::Tensor packed_attention(const at::Tensor& qkv, std::span<const Segment> segments,
                            const HeadShape& shape) {
  return attention_forward(qkv, {{segments.begin(), segments.end()}}, shape, false).out;
}

at::Tensor cached_attention(const at::Tensor& queries,
                            std::span<const std::vector<KeyRange>> ranges, const HeadShape& shape) {
  const int64_t rows = queries.size(0);
  const int64_t d = shape.head_dim;
  TORCH_CHECK(
      rows == static_cast<int64_t>(ranges.size()) && queries.size(1) == shape.heads * d &&
          queries.stride(1) == 1,
      "cached_attention: queries must be [B, H*D] with dense rows, one list of ranges each");
  at::Tensor out = at::empty({rows, shape.heads * d}, queries.options());
  const Kernels& k = kernels_for(queries);
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  int64_t longest = 0;
  for (const auto& list : ranges) {
    for (const KeyRange& range : list) longest = std::max(longest, range.count);
  }
  const int64_t bytes = queries.element_size();
  parallel_items(rows * shape.heads, [&](int64_t item) {
    thread_local std::vector<float> scratch;
    scratch.resize(static_cast<size_t>(longest + d));
    float* accumulator = scratch.data() + longest;
    std::fill_n(accumulator, d, 0.0f);
    const int64_t b = item / shape.heads;
    const int64_t head = item % shape.heads;
    const int64_t kv_head = head / (shape.heads / shape.kv_heads);
    float maximum = -1e30f;
    float total = 0;
    for (const KeyRange& range : ranges[static_cast<size_t>(b)]) {
      const auto shifted = [&](const void* base) {
        return static_cast<const char*>(base) + kv_head * range.head_stride * bytes;
      };
      k.attend_range(static_cast<const char*>(row(queries, b)) + head * d * bytes,
                     shifted(range.keys), shifted(range.values), range.count, range.stride, d,
                     scale, scratch.data(), &maximum, &total, accumulator);
    }
    k.store_scaled(accumulator, 1.0f / total, static_cast<char*>(row(out, b)) + head * d * bytes,
                   d);
  });
  return out;
}

}  // namespace lehr::lm
