#include "lm/attention.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>
#include <numeric>
#include <utility>
#include <vector>

#include "lm/aten_attention.h"
#include "lm/device.h"
#include "lm/kernels.h"
#include "lm/parallel.h"
#include "lm/tensor_kernels.h"

namespace lehr::lm {
namespace {

// Aligned floats that grow and are kept per thread.
class Scratch {
 public:
  float* ensure(int64_t floats) {
    if (floats > size_) {
      const size_t bytes = (static_cast<size_t>(floats) * sizeof(float) + 63) / 64 * 64;
      memory_.reset(static_cast<float*>(std::aligned_alloc(64, bytes)));
      if (!memory_) throw std::bad_alloc();
      size_ = floats;
    }
    return memory_.get();
  }

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  std::unique_ptr<float, Free> memory_;
  int64_t size_ = 0;
};

int64_t key_count(const Segment& s) { return s.end - s.begin + s.prefix_end - s.prefix_begin; }

int64_t cost(const Segment& s) {
  const int64_t own = s.end - s.begin;
  return own * (key_count(s) - own / 2) + 64 * key_count(s);
}

AttentionTask make_task(const Segment& s, int64_t kv_head, const at::Tensor& qkv,
                        const AttentionOutput& output, const HeadShape& shape) {
  AttentionTask task{};
  task.begin = s.begin;
  task.end = s.end;
  task.prefix_begin = s.prefix_begin;
  task.prefix_end = s.prefix_end;
  task.kv_head = kv_head;
  task.heads = shape.heads;
  task.kv_heads = shape.kv_heads;
  task.head_dim = shape.head_dim;
  task.rows = qkv.size(0);
  task.scale = 1.0f / std::sqrt(static_cast<float>(shape.head_dim));
  task.qkv = qkv.data_ptr();
  task.out = output.out.data_ptr();
  task.logsumexp = output.logsumexp.defined() ? output.logsumexp.data_ptr<float>() : nullptr;
  return task;
}

// Indices 0..n-1, dearest first, so that the last item to run is a cheap one.
std::vector<int64_t> by_cost(const std::vector<int64_t>& costs) {
  std::vector<int64_t> order(costs.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return costs[static_cast<size_t>(a)] > costs[static_cast<size_t>(b)];
  });
  return order;
}

// A segment without a prefix and all that use it as theirs. Groups touch disjoint rows.
struct Group {
  Segment root;
  std::vector<Segment> members;  // root first, then its followers in order
};

std::vector<Group> group_by_root(const std::vector<Segment>& segments) {
  std::vector<Group> groups;
  for (const Segment& s : segments) {
    if (s.prefix_begin == s.prefix_end) {
      groups.push_back({s, {s}});
      continue;
    }
    // Roots are ascending: the last one that begins at or before the prefix holds it.
    const auto after = std::upper_bound(
        groups.begin(), groups.end(), s.prefix_begin,
        [](int32_t begin, const Group& group) { return begin < group.root.begin; });
    TORCH_CHECK(after != groups.begin() && s.prefix_end <= std::prev(after)->root.end,
                "packed attention: a prefix must lie inside one earlier segment without a prefix");
    std::prev(after)->members.push_back(s);
  }
  return groups;
}

// Adds sums [count, D] onto root sums.
void add_to(float* to, const float* from, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] += from[i];
}

}  // namespace

PackedSegments::PackedSegments(std::vector<Segment> segments) : list(std::move(segments)) {
  if (device().is_cpu()) return;
  std::vector<int32_t> queries{0}, keys{0}, rows;
  bool shared = false;
  for (const Segment& s : list) {
    queries.push_back(s.end);
    keys.push_back(keys.back() + static_cast<int32_t>(key_count(s)));
    for (int32_t row = s.prefix_begin; row < s.prefix_end; ++row) rows.push_back(row);
    for (int32_t row = s.begin; row < s.end; ++row) rows.push_back(row);
    shared |= s.prefix_begin < s.prefix_end;
    most_queries = std::max<int64_t>(most_queries, s.end - s.begin);
    most_keys = std::max(most_keys, key_count(s));
  }
  query_starts = indices(queries, device());
  key_starts = indices(keys, device());
  if (shared) key_rows = indices(rows, device());
}

AttentionOutput attention_forward(const at::Tensor& qkv, const PackedSegments& packed,
                                  const HeadShape& shape, bool for_backward) {
  check_dense(qkv, "attention qkv");
  TORCH_CHECK(qkv.size(1) == shape.qkv_width(), "attention: qkv must be [N, (H+2K)*D]");
  if (through_aten(qkv)) return aten::attention_forward(qkv, packed, shape);
  const std::vector<Segment>& segments = packed.list;
  AttentionOutput output;
  output.out = at::empty({qkv.size(0), shape.heads * shape.head_dim}, qkv.options());
  if (for_backward) output.logsumexp = at::empty({shape.heads, qkv.size(0)}, at::kFloat);
  std::vector<int64_t> costs;
  int64_t most_keys = 0;
  for (const Segment& s : segments) {
    costs.push_back(cost(s));
    most_keys = std::max(most_keys, key_count(s));
  }
  const std::vector<int64_t> order = by_cost(costs);
  const Kernels& k = kernels_for(qkv);
  parallel_items(static_cast<int64_t>(segments.size()) * shape.kv_heads, [&](int64_t item) {
    thread_local Scratch scratch;
    const Segment& s =
        segments[static_cast<size_t>(order[static_cast<size_t>(item / shape.kv_heads)])];
    AttentionTask task = make_task(s, item % shape.kv_heads, qkv, output, shape);
    task.scratch = scratch.ensure(attention_scratch(most_keys, shape.head_dim));
    k.attention(task);
  });
  return output;
}

at::Tensor attention_backward(const at::Tensor& d_out, const at::Tensor& qkv,
                              const AttentionOutput& forward, const PackedSegments& segments,
                              const HeadShape& shape) {
  check_dense(d_out, "attention d_out");
  if (through_aten(qkv)) return aten::attention_backward(d_out, qkv, forward, segments, shape);
  at::Tensor d_qkv = at::empty_like(qkv);
  const std::vector<Group> groups = group_by_root(segments.list);
  std::vector<int64_t> costs;
  int64_t most_keys = 0;
  int64_t longest_root = 0;
  for (const Group& group : groups) {
    int64_t sum = 0;
    for (const Segment& s : group.members) {
      sum += cost(s);
      most_keys = std::max(most_keys, key_count(s));
    }
    costs.push_back(sum);
    longest_root = std::max<int64_t>(longest_root, group.root.end - group.root.begin);
  }
  const std::vector<int64_t> order = by_cost(costs);
  const int64_t d = shape.head_dim;
  const Kernels& k = kernels_for(qkv);
  const auto store = [&](const float* d_keys, const float* d_values, int64_t first, int64_t count,
                         int64_t kv_head) {
    for (int64_t i = 0; i < count; ++i) {
      char* to = static_cast<char*>(row(d_qkv, first + i));
      const int64_t key_column = (shape.heads + kv_head) * d;
      const int64_t value_column = key_column + shape.kv_heads * d;
      k.store_scaled(d_keys + i * d, 1.0f, to + key_column * d_qkv.element_size(), d);
      k.store_scaled(d_values + i * d, 1.0f, to + value_column * d_qkv.element_size(), d);
    }
  };
  parallel_items(static_cast<int64_t>(groups.size()) * shape.kv_heads, [&](int64_t item) {
    thread_local Scratch scratch;
    const Group& group =
        groups[static_cast<size_t>(order[static_cast<size_t>(item / shape.kv_heads)])];
    const int64_t kv_head = item % shape.kv_heads;
    const int64_t kernel_floats = attention_scratch(most_keys, d);
    float* memory = scratch.ensure(kernel_floats + 2 * (most_keys + longest_root) * d);
    const AttentionGradient gradient{d_out.data_ptr(), d_qkv.data_ptr(), memory + kernel_floats,
                                     memory + kernel_floats + most_keys * d};
    float* root_keys = gradient.d_values + most_keys * d;
    float* root_values = root_keys + longest_root * d;
    const int64_t root_rows = group.root.end - group.root.begin;
    for (const Segment& s : group.members) {
      AttentionTask task = make_task(s, kv_head, qkv, forward, shape);
      task.scratch = memory;
      k.attention_backward(task, gradient);
      if (s.begin == group.root.begin) {
        std::copy_n(gradient.d_keys, root_rows * d, root_keys);
        std::copy_n(gradient.d_values, root_rows * d, root_values);
        continue;
      }
      const int64_t prefix = s.prefix_end - s.prefix_begin;
      const int64_t offset = (s.prefix_begin - group.root.begin) * d;
      add_to(root_keys + offset, gradient.d_keys, prefix * d);
      add_to(root_values + offset, gradient.d_values, prefix * d);
      store(gradient.d_keys + prefix * d, gradient.d_values + prefix * d, s.begin, s.end - s.begin,
            kv_head);
    }
    store(root_keys, root_values, group.root.begin, root_rows, kv_head);
  });
  return d_qkv;
}

}  // namespace lehr::lm
