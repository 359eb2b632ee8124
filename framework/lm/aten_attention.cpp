#include "lm/aten_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding_dense_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "lm/device.h"

namespace lehr::lm::aten {
namespace {

constexpr double kMasked = -std::numeric_limits<double>::infinity();

double scale_of(const HeadShape& shape) {
  return 1.0 / std::sqrt(static_cast<double>(shape.head_dim));
}

// What LibTorch's flash attention takes.
bool flash_takes(const at::Tensor& x, const HeadShape& shape) {
  return x.is_cuda() && x.scalar_type() == at::kBFloat16 && shape.head_dim % 8 == 0 &&
         shape.head_dim <= 256;
}

// Rows of queries, keys and values [n, heads, D], views of rows of qkv.
struct Views {
  at::Tensor q, k, v;
};
Views views(const at::Tensor& qkv, const HeadShape& s) {
  const int64_t d = s.head_dim;
  const auto part = [&](int64_t first, int64_t count) {
    return qkv.narrow(1, first * d, count * d).unflatten(1, {count, d});
  };
  return {part(0, s.heads), part(s.heads, s.kv_heads), part(s.heads + s.kv_heads, s.kv_heads)};
}

// The rows that keys and values are read from: those of qkv, or copies, a prefix once for each
// segment that sees it.
at::Tensor key_rows(const at::Tensor& qkv, const PackedSegments& segments) {
  return segments.key_rows.defined() ? at::index_select(qkv, 0, segments.key_rows) : qkv;
}

// One segment's side of the products, float32: q, o [K, G, L, D] (G queries a key head), k, v
// [K, 1, T, D] with the prefix before the own rows.
at::Tensor grouped(const at::Tensor& rows, const HeadShape& s) {  // [L, H*D] -> [K, G, L, D]
  return rows.to(at::kFloat)
      .view({rows.size(0), s.kv_heads, s.heads / s.kv_heads, s.head_dim})
      .permute({1, 2, 0, 3});
}
at::Tensor ungrouped(const at::Tensor& x) {  // [K, G, L, D] -> [L, H*D]
  return x.permute({2, 0, 1, 3}).flatten(1);
}
at::Tensor seen(const at::Tensor& x, const Segment& s) {  // [N, K, D] -> [K, 1, T, D]
  const at::Tensor own = x.narrow(0, s.begin, s.end - s.begin);
  const at::Tensor all =
      s.prefix_begin == s.prefix_end
          ? own
          : at::cat({x.narrow(0, s.prefix_begin, s.prefix_end - s.prefix_begin), own}, 0);
  return all.to(at::kFloat).transpose(0, 1).unsqueeze(1);
}
at::Tensor probabilities(const at::Tensor& q, const at::Tensor& k, const HeadShape& shape) {
  const int64_t own = q.size(2), all = k.size(2);
  const at::Tensor hidden =
      at::ones({own, all}, q.options().dtype(at::kBool)).tril_(all - own).logical_not_();
  return at::softmax(
      (at::matmul(q, k.transpose(2, 3)) * scale_of(shape)).masked_fill_(hidden, kMasked), -1);
}

}  // namespace

AttentionOutput attention_forward(const at::Tensor& qkv, const PackedSegments& segments,
                                  const HeadShape& shape) {
  AttentionOutput output;
  if (flash_takes(qkv, shape)) {
    const Views rows = views(qkv, shape), keys = views(key_rows(qkv, segments), shape);
    auto [out, logsumexp, seed, offset, unused] = at::_flash_attention_forward(
        rows.q, keys.k, keys.v, segments.query_starts, segments.key_starts, segments.most_queries,
        segments.most_keys, 0.0, true, false, scale_of(shape));
    return {out.flatten(1), logsumexp, seed, offset};
  }
  output.out = at::empty({qkv.size(0), shape.heads * shape.head_dim}, qkv.options());
  const Views rows = views(qkv, shape);
  for (const Segment& s : segments.list) {
    const int64_t own = s.end - s.begin;
    const at::Tensor q = grouped(rows.q.narrow(0, s.begin, own).flatten(1), shape);
    const at::Tensor p = probabilities(q, seen(rows.k, s), shape);
    output.out.narrow(0, s.begin, own).copy_(ungrouped(at::matmul(p, seen(rows.v, s))));
  }
  return output;
}

at::Tensor attention_backward(const at::Tensor& d_out, const at::Tensor& qkv,
                              const AttentionOutput& forward, const PackedSegments& segments,
                              const HeadShape& shape) {
  const int64_t d = shape.head_dim, key_width = 2 * shape.kv_heads * d;
  const Views rows = views(qkv, shape);
  if (flash_takes(qkv, shape)) {
    const Views keys = views(key_rows(qkv, segments), shape);
    const auto split = [&](const at::Tensor& x) { return x.unflatten(1, {shape.heads, d}); };
    const auto [dq, dk, dv] = at::_flash_attention_backward(
        split(d_out), rows.q, keys.k, keys.v, split(forward.out), forward.logsumexp,
        segments.query_starts, segments.key_starts, segments.most_queries, segments.most_keys, 0.0,
        true, forward.seed, forward.offset, scale_of(shape));
    at::Tensor d_keys = at::cat({dk.flatten(1), dv.flatten(1)}, 1);
    if (segments.key_rows.defined())
      d_keys = at::embedding_dense_backward(d_keys.to(at::kFloat), segments.key_rows, qkv.size(0),
                                            -1, false)
                   .to(qkv.scalar_type());
    return at::cat({dq.flatten(1), d_keys}, 1);
  }
  at::Tensor d_qkv = at::empty(qkv.sizes(), qkv.options());
  const at::Tensor d_keys = at::zeros({qkv.size(0), key_width}, qkv.options().dtype(at::kFloat));
  for (const Segment& s : segments.list) {
    const int64_t own = s.end - s.begin, prefix = s.prefix_end - s.prefix_begin;
    const at::Tensor q = grouped(rows.q.narrow(0, s.begin, own).flatten(1), shape);
    const at::Tensor k = seen(rows.k, s), v = seen(rows.v, s);
    const at::Tensor p = probabilities(q, k, shape);
    const at::Tensor d_o = grouped(d_out.narrow(0, s.begin, own), shape);
    const at::Tensor d_p = at::matmul(d_o, v.transpose(2, 3));
    const at::Tensor d_scores = (d_p - (d_p * p).sum(-1, true)).mul_(p).mul_(scale_of(shape));
    d_qkv.narrow(0, s.begin, own)
        .narrow(1, 0, shape.heads * d)
        .copy_(ungrouped(at::matmul(d_scores, k)));
    // [K, G, D, T]^T summed over the group -> [T, K*D]
    const auto by_row = [&](const at::Tensor& weights, const at::Tensor& x) {
      return at::matmul(weights.transpose(2, 3), x).sum(1).transpose(0, 1).flatten(1);
    };
    const at::Tensor sums = at::cat({by_row(d_scores, q), by_row(p, d_o)}, 1);
    if (prefix > 0) d_keys.narrow(0, s.prefix_begin, prefix).add_(sums.narrow(0, 0, prefix));
    d_keys.narrow(0, s.begin, own).add_(sums.narrow(0, prefix, own));
  }
  d_qkv.narrow(1, shape.heads * d, key_width).copy_(d_keys);
  return d_qkv;
}

CachedRows cached_rows(std::span<const int32_t> slots, std::span<const int32_t> counts,
                       int64_t rows, at::Device where) {
  std::vector<int32_t> queries(slots.size() + 1), keys(slots.size() + 1);
  for (size_t i = 0; i < slots.size(); ++i) {
    queries[i + 1] = static_cast<int32_t>(i) + 1;
    keys[i] = static_cast<int32_t>(slots[i] * rows);
  }
  return {indices(slots, where), indices(counts, where), indices(queries, where),
          indices(keys, where), *std::max_element(counts.begin(), counts.end())};
}

at::Tensor cached_attention(const at::Tensor& queries, const at::Tensor& cache,
                            const CachedRows& rows, const HeadShape& shape) {
  const int64_t b = queries.size(0), d = shape.head_dim, key_heads = shape.kv_heads;
  if (flash_takes(queries, shape)) {
    const at::Tensor flat = cache.view({-1, 2, key_heads, d});
    const auto found = at::_flash_attention_forward(
        queries.unflatten(1, {shape.heads, d}), flat.select(1, 0), flat.select(1, 1),
        rows.query_starts, rows.key_starts, 1, rows.most, 0.0, false, false, scale_of(shape),
        std::nullopt, std::nullopt, rows.counts);
    return std::get<0>(found).flatten(1);
  }
  const at::Tensor seen = at::index_select(cache.narrow(1, 0, rows.most), 0, rows.slots)
                              .to(at::kFloat)
                              .view({b, rows.most, 2, key_heads, d})
                              .permute({2, 0, 3, 1, 4});  // [2, B, K, rows, D]
  const at::Tensor q = queries.to(at::kFloat).unflatten(1, {key_heads, shape.heads / key_heads, d});
  const at::Tensor hidden =
      at::arange(rows.most, rows.counts.options()) >= rows.counts.view({b, 1, 1, 1});
  const at::Tensor scores =
      (at::matmul(q, seen[0].transpose(2, 3)) * scale_of(shape)).masked_fill_(hidden, kMasked);
  return at::matmul(at::softmax(scores, -1), seen[1]).flatten(1).to(queries.scalar_type());
}

}  // namespace lehr::lm::aten
