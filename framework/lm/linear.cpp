#include "lm/linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>

#include <algorithm>

#include "lm/device.h"
#include "lm/parallel.h"
#include "lm/tensor_kernels.h"

namespace lehr::lm {
namespace {

int64_t rank(const Linear& w) { return w.a.size(0) / static_cast<int64_t>(w.parts.size()); }

// The columns or rows of what the parts have one beside or below the other.
at::Tensor columns_of(const at::Tensor& low, const Linear& w, size_t part) {
  return low.narrow(1, static_cast<int64_t>(part) * rank(w), rank(w));
}
at::Tensor rows_of(const at::Tensor& a, const Linear& w, size_t part) {
  return a.narrow(0, static_cast<int64_t>(part) * rank(w), rank(w));
}

// s x A^T of all parts: [N, P*r]
at::Tensor scaled_low(const Linear& w, const at::Tensor& x, const AdapterDropout& dropout) {
  if (!dropout.drops()) return at::mm(x, w.a.t()).mul_(w.scale);
  at::Tensor low = at::empty({x.size(0), w.a.size(0)}, x.options());
  for (size_t p = 0; p < w.parts.size(); ++p)
    columns_of(low, w, p).copy_(at::mm(dropout(x, p), rows_of(w.a, w, p).t()));
  return low.mul_(w.scale);
}

// The columns of dy that belong to part p: [N, outputs of the part].
at::Tensor columns(const at::Tensor& dy, const Linear::Part& part) {
  return dy.narrow(1, part.begin, part.b.size(0));
}

// s dy B of all parts: [N, P*r]
at::Tensor low_gradient(const Linear& w, const at::Tensor& dy) {
  at::Tensor d_low = at::empty({dy.size(0), w.a.size(0)}, dy.options());
  for (size_t p = 0; p < w.parts.size(); ++p)
    columns_of(d_low, w, p).copy_(at::mm(columns(dy, w.parts[p]), w.parts[p].b).mul_(w.scale));
  return d_low;
}

bool are_few(const at::Tensor& x, const at::Tensor& weight) {
  return !through_aten(x) && x.size(0) <= kernels_for(x).most_few_rows && x.is_contiguous() &&
         weight.is_contiguous();
}

at::Tensor few_rows_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const Kernels& k = kernels_for(x);
  const int64_t rows = x.size(0), width = x.size(1), outs = weight.size(0);
  const at::Tensor y = at::empty({rows, outs}, x.options());
  const at::Tensor input = at::empty({rows, width}, at::kFloat),
                   sums = at::empty({rows, outs}, at::kFloat);
  k.few_rows_input(x.data_ptr(), input.data_ptr(), rows * width);
  constexpr int64_t kLeast = 64;  // outputs that are worth a thread
  const int64_t threads = at::get_num_threads();
  parallel_blocks(
      outs, std::max(kLeast, (outs + threads - 1) / threads), [&](int64_t begin, int64_t end) {
        float* sum = sums.data_ptr<float>() + begin;
        k.few_rows(input.data_ptr(), row(weight, begin), sum, rows, width, end - begin, outs);
        const int64_t bytes = y.element_size();
        for (int64_t r = 0; r < rows; ++r, sum += outs) {
          if (bias.defined())
            k.accumulate(static_cast<char*>(bias.data_ptr()) + begin * bytes, sum, end - begin);
          k.store_scaled(sum, 1.0f, static_cast<char*>(row(y, r)) + begin * bytes, end - begin);
        }
      });
  return y;
}

// MKL puts the matrix on the right in order for itself, at every call: with the weight on the left
// a product of 32 rows is done in 0.6 to 0.9 of the time, with the same bits. From some 200 rows on
// both ways take as long.
constexpr int64_t kWeightFirstRows = 128;
at::Tensor weight_first_product(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias) {
  at::Tensor y = at::mm(weight, x.t()).t().contiguous();
  return bias.defined() ? y.add_(bias) : y;
}

}  // namespace

at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (are_few(x, weight)) return few_rows_product(x, weight, bias);
  if (!through_aten(x) && x.size(0) <= kWeightFirstRows && x.scalar_type() == at::kFloat)
    return weight_first_product(x, weight, bias);
  return at::linear(x, weight, bias);
}

at::Tensor apply(const Linear& w, const at::Tensor& x, const AdapterDropout& dropout) {
  at::Tensor y = product(x, w.weight, w.bias);
  if (!w.a.defined()) return y;
  const at::Tensor low = scaled_low(w, x, dropout);
  for (size_t p = 0; p < w.parts.size(); ++p)
    columns(y, w.parts[p]).add_(at::mm(columns_of(low, w, p), w.parts[p].b.t()));
  return y;
}

at::Tensor input_gradient(const Linear& w, const at::Tensor& dy, const AdapterDropout& dropout) {
  at::Tensor dx = at::mm(dy, w.weight);
  if (!w.a.defined()) return dx;
  const at::Tensor d_low = low_gradient(w, dy);
  if (!dropout.drops()) return dx.addmm_(d_low, w.a);
  for (size_t p = 0; p < w.parts.size(); ++p)
    dx.add_(dropout(at::mm(columns_of(d_low, w, p), rows_of(w.a, w, p)), p));
  return dx;
}

void add_weight_gradient(const Linear& w, const Linear& gradient, const at::Tensor& dy,
                         const at::Tensor& x, const AdapterDropout& dropout) {
  if (gradient.weight.defined()) accumulate_weight_gradient(dy, x, gradient.weight);
  if (gradient.bias.defined()) accumulate_bias_gradient(dy, gradient.bias);
  if (!gradient.a.defined()) return;
  const at::Tensor d_low = low_gradient(w, dy);
  if (!dropout.drops()) {
    accumulate_weight_gradient(d_low, x, gradient.a);
    const at::Tensor low = scaled_low(w, x, dropout);
    for (size_t p = 0; p < w.parts.size(); ++p)
      accumulate_weight_gradient(columns(dy, w.parts[p]), columns_of(low, w, p),
                                 gradient.parts[p].b);
    return;
  }
  for (size_t p = 0; p < w.parts.size(); ++p) {
    const at::Tensor seen = dropout(x, p);
    accumulate_weight_gradient(columns_of(d_low, w, p), seen, rows_of(gradient.a, w, p));
    const at::Tensor low = at::mm(seen, rows_of(w.a, w, p).t()).mul_(w.scale);
    accumulate_weight_gradient(columns(dy, w.parts[p]), low, gradient.parts[p].b);
  }
}

}  // namespace lehr::lm
