// The attention kernels of every instruction set and dtype, against plain loops in double, and
// their backward pass against the slopes of those loops.
#include <gtest/gtest.h>

#include <memory>

#include "lm/kernel_buffers_test.h"
#include "lm/kernels.h"

namespace lehr::lm {
namespace {

using slow::Heads;
using slow::Row;

struct OneSegment {
  size_t own, prefix;
  Heads shape;

  // Rows 0 and 1 belong to another document, and as many lie between the prefix and the own rows.
  size_t prefix_begin() const { return prefix == 0 ? 0 : 2; }
  size_t begin() const { return 2 + prefix + 2; }
  size_t rows() const { return begin() + own + 1; }
  size_t group() const { return shape.heads / shape.kv_heads; }

  std::vector<size_t> seen(size_t i) const {
    std::vector<size_t> rows;
    for (size_t t = 0; t < prefix; ++t) rows.push_back(prefix_begin() + t);
    for (size_t t = 0; t <= i; ++t) rows.push_back(begin() + t);
    return rows;
  }
  AttentionTask task(size_t kv_head, Elements& qkv, Elements& out, float* logsumexp,
                     float* scratch) const {
    const auto s = [](size_t x) { return static_cast<int64_t>(x); };
    return {.begin = s(begin()),
            .end = s(begin() + own),
            .prefix_begin = s(prefix_begin()),
            .prefix_end = s(prefix_begin() + prefix),
            .kv_head = s(kv_head),
            .heads = s(shape.heads),
            .kv_heads = s(shape.kv_heads),
            .head_dim = s(shape.head_dim),
            .rows = s(rows()),
            .scale = 1.0f / std::sqrt(static_cast<float>(shape.head_dim)),
            .qkv = qkv.data(),
            .out = out.data(),
            .logsumexp = logsumexp,
            .scratch = scratch};
  }
};

std::ostream& operator<<(std::ostream& to, const OneSegment& s) {
  return to << s.own << " rows after " << s.prefix << ", " << s.shape.heads << "/"
            << s.shape.kv_heads << " heads of " << s.shape.head_dim;
}

// As many floats as a task may use: aligned, full of NaN, and watched beyond its end.
class WatchedScratch {
 public:
  explicit WatchedScratch(const OneSegment& s)
      : count_(static_cast<size_t>(attention_scratch(static_cast<int64_t>(s.own + s.prefix),
                                                     static_cast<int64_t>(s.shape.head_dim)))),
        floats_(count_ + 32, std::nanf("")) {
    void* place = floats_.data();
    size_t room = floats_.size() * sizeof(float);
    data_ = static_cast<float*>(std::align(64, count_ * sizeof(float), place, room));
  }
  ~WatchedScratch() {
    for (const float* at = data_ + count_; at != floats_.data() + floats_.size(); ++at)
      EXPECT_TRUE(std::isnan(*at)) << "a kernel wrote beyond its scratch";
  }
  float* data() { return data_; }

 private:
  size_t count_;
  std::vector<float> floats_;
  float* data_;
};

// One token; around a block of 32 queries; with and without a prefix; grouped queries; widths that
// are no multiple of a vector.
const OneSegment kSegments[] = {{1, 0, {1, 1, 10}},   {1, 17, {4, 2, 10}}, {2, 1, {3, 1, 5}},
                                {31, 0, {4, 2, 16}},  {33, 0, {6, 2, 33}}, {32, 16, {2, 2, 64}},
                                {40, 13, {4, 1, 72}}, {97, 3, {3, 3, 10}}};
constexpr double kUntouched = 7.5;

TEST(AttentionKernel, AttendsCausallyToOwnRowsAndWhollyToThePrefix) {
  with_every_table([](const Kernels& k, bool bf16) {
    for (const OneSegment& s : kSegments) {
      SCOPED_TRACE(testing::PrintToString(s));
      const size_t width = s.shape.heads * s.shape.head_dim;
      Elements qkv(bf16, slow::normals(s.rows() * s.shape.width(), 1, 1.5)),
          out(bf16, s.rows() * width, kUntouched);
      Elements logsumexp(false, s.shape.heads * s.rows(), kUntouched);
      Row expected = out.values(), expected_lse = logsumexp.values();
      const Row values = qkv.values();
      for (size_t i = 0; i < s.own; ++i)
        for (size_t head = 0; head < s.shape.heads; ++head) {
          const size_t row = s.begin() + i;
          const slow::Attended one = slow::attend(values, s.shape, row, head, s.seen(i));
          std::copy(one.out.begin(), one.out.end(),
                    &expected[row * width + head * s.shape.head_dim]);
          expected_lse[head * s.rows() + row] = one.logsumexp;
        }
      for (size_t kv = 0; kv < s.shape.kv_heads; ++kv) {
        WatchedScratch scratch(s);
        k.attention(s.task(kv, qkv, out, logsumexp.floats(), scratch.data()));
      }
      // One table rounds probabilities to bfloat16 too.
      expect_close(out, expected, bf16 ? 3e-3 : kSumError);
      expect_close(logsumexp, expected_lse);
      const Row before = out.values();
      WatchedScratch scratch(s);
      k.attention(s.task(0, qkv, out, nullptr, scratch.data()));
      EXPECT_EQ(out.values(), before) << "without a place for the sums";
    }
  });
}

// d sum(d_out * out) / d qkv over the own rows as queries. An element of a key/value head moves its
// own group alone, one of a query its row and head.
Row attention_slopes(const OneSegment& s, const Row& qkv, const Row& d_out) {
  const Heads& shape = s.shape;
  const auto loss = [&](const Row& at, size_t i, size_t head) {
    const size_t row = s.begin() + i;
    return slow::dot(
        slow::attend(at, shape, row, head, s.seen(i)).out,
        slow::part(d_out, (row * shape.heads + head) * shape.head_dim, shape.head_dim));
  };
  Row x = qkv, out(qkv.size());
  const auto slope = [&](size_t at, const auto& f) {
    constexpr double h = 1e-4;
    x[at] = qkv[at] + h;
    const double above = f();
    x[at] = qkv[at] - h;
    out[at] = (above - f()) / (2 * h);
    x[at] = qkv[at];
  };
  for (size_t c = 0; c < shape.head_dim; ++c) {
    for (size_t i = 0; i < s.own; ++i)
      for (size_t head = 0; head < shape.heads; ++head)
        slope(shape.query(s.begin() + i, head) + c, [&] { return loss(x, i, head); });
    for (size_t kv = 0; kv < shape.kv_heads; ++kv) {
      const auto group = [&] {
        double sum = 0;
        for (size_t i = 0; i < s.own; ++i)
          for (size_t g = 0; g < s.group(); ++g) sum += loss(x, i, kv * s.group() + g);
        return sum;
      };
      for (const size_t row : s.seen(s.own - 1)) {
        slope(shape.key(row, kv) + c, group);
        slope(shape.value(row, kv) + c, group);
      }
    }
  }
  return out;
}

TEST(AttentionKernel, BackwardIsTheSlopeOfForward) {
  const OneSegment segments[] = {
      {1, 0, {2, 1, 5}}, {1, 3, {4, 2, 6}}, {37, 0, {2, 1, 3}}, {7, 18, {4, 2, 10}}};
  for (const OneSegment& s : segments) {
    std::vector<Row> slopes(2);
    with_every_table([&](const Kernels& k, bool bf16) {
      SCOPED_TRACE(testing::PrintToString(s));
      const size_t d = s.shape.head_dim, width = s.shape.heads * d, keys = s.prefix + s.own;
      Elements qkv(bf16, slow::normals(s.rows() * s.shape.width(), 1, 1.5)),
          d_out(bf16, slow::normals(s.rows() * width, 2)), out(bf16, s.rows() * width, 0),
          d_qkv(bf16, s.rows() * s.shape.width(), kUntouched);
      Elements logsumexp(false, s.shape.heads * s.rows(), 0);
      Row& slope = slopes[bf16];
      if (slope.empty()) slope = attention_slopes(s, qkv.values(), d_out.values());
      // In bfloat16 the kernel reads a rounded output, which moves every term by up to 2^-8.
      const double tolerance = bf16 ? 1e-2 : 2e-5;
      Row expected(d_qkv.size(), kUntouched);
      for (size_t i = 0; i < s.own; ++i)
        for (size_t c = 0; c < width; ++c) {
          const size_t at = s.shape.query(s.begin() + i, 0) + c;
          expected[at] = slope[at];
        }
      const std::vector<size_t> rows = s.seen(s.own - 1);
      for (size_t kv = 0; kv < s.shape.kv_heads; ++kv) {
        WatchedScratch scratch(s);
        Elements d_keys(false, keys * d, kUntouched), d_values(false, keys * d, kUntouched);
        const AttentionTask task = s.task(kv, qkv, out, logsumexp.floats(), scratch.data());
        k.attention(task);
        k.attention_backward(task,
                             {d_out.data(), d_qkv.data(), d_keys.floats(), d_values.floats()});
        Row expected_keys, expected_values;
        for (const size_t row : rows) {
          slow::append(expected_keys, slow::part(slope, s.shape.key(row, kv), d));
          slow::append(expected_values, slow::part(slope, s.shape.value(row, kv), d));
        }
        expect_close(d_keys, expected_keys, tolerance);
        expect_close(d_values, expected_values, tolerance);
      }
      expect_close(d_qkv, expected, tolerance);
    });
  }
}

// Ranges carry the softmax on, an empty one and one with a far larger score among them.
TEST(AttentionKernel, AttendRangeCarriesTheSoftmaxOverRanges) {
  with_every_table([](const Kernels& k, bool bf16) {
    for (const size_t d : {1, 10, 33, 64})
      for (const double deviation : {1.0, 6.0}) {
        const Heads shape{1, 1, d};
        const size_t counts[] = {13, 0, 1, 40}, rows = 54;
        Elements qkv(bf16, slow::normals(rows * shape.width(), 1, deviation));
        Elements accumulator(false, d, 0), scores(false, 40, 0);
        const auto stride = static_cast<int64_t>(shape.width());
        float maximum = -1e30f, total = 0;
        size_t next = 0;
        for (const size_t count : counts) {
          k.attend_range(qkv.data(), qkv.at(shape.key(next, 0)), qkv.at(shape.value(next, 0)),
                         static_cast<int64_t>(count), stride, static_cast<int64_t>(d),
                         1.0f / std::sqrt(static_cast<float>(d)), scores.floats(), &maximum, &total,
                         accumulator.floats());
          next += count;
        }
        std::vector<size_t> seen;
        for (size_t t = 0; t < rows; ++t) seen.push_back(t);
        const slow::Attended expected = slow::attend(qkv.values(), shape, 0, 0, seen);
        EXPECT_NEAR(maximum + std::log(total), expected.logsumexp,
                    4e-6 * (1 + std::abs(expected.logsumexp)));
        Row unscaled = expected.out;
        for (double& value : unscaled) value *= static_cast<double>(total);
        expect_close(accumulator, unscaled, 2e-5);
      }
  });
}

}  // namespace
}  // namespace lehr::lm
