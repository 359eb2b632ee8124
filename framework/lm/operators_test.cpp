// The operators, forward and backward, against plain loops in double and their slopes: what is
// theirs beside the kernels' is how work is cut into blocks, segments and chunks and summed again.
#include "lm/operators.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "lm/attention.h"
#include "lm/reference_model.h"
#include "lm/slow_operators_test.h"
#include "lm/tensor_kernels.h"

namespace lehr::lm {
namespace {

using slow::Row;

constexpr double kNormEps = 1e-2;

class Operators : public testing::TestWithParam<at::ScalarType> {
 protected:
  bool bf16() const { return GetParam() == at::kBFloat16; }
  // Relative to the norm of the whole. A bfloat16 result has lost up to 2^-9 of each value.
  double bound() const { return bf16() ? 3e-3 : 2e-6; }
  // Where values that were rounded in between are summed.
  double wide_bound() const { return bf16() ? 1.5e-2 : 1e-5; }

  at::Tensor random(int64_t rows, int64_t columns, uint64_t stream, double deviation = 1) const {
    return exact(slow::normals(static_cast<size_t>(rows * columns), stream, deviation))
        .view({rows, columns})
        .to(GetParam());
  }
  at::Tensor random_row(int64_t columns, uint64_t stream) const {
    return random(1, columns, stream)[0].contiguous();
  }
  static at::Tensor exact(const Row& values) { return at::tensor(values, at::kDouble); }
  static at::Tensor float_zeros(at::IntArrayRef shape) { return at::zeros(shape, at::kFloat); }
};

INSTANTIATE_TEST_SUITE_P(Precisions, Operators, testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& info) {
                           return info.param == at::kFloat ? "Fp32" : "Bf16";
                         });

Row values_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kDouble).contiguous().view({-1});
  const double* begin = flat.data_ptr<double>();
  return {begin, begin + flat.numel()};
}

Row row_of(const at::Tensor& tensor, int64_t index) { return values_of(tensor[index]); }

// f(row) for each row of a matrix, end to end.
Row by_rows(const at::Tensor& x, const std::function<Row(const Row&, int64_t)>& f) {
  Row out;
  for (int64_t r = 0; r < x.size(0); ++r) slow::append(out, f(row_of(x, r), r));
  return out;
}

// 130 rows are three blocks, the last one short; 0 rows are none.
constexpr int64_t kManyRows[] = {130, 1, 0};

TEST_P(Operators, RmsNormAloneAndAfterAResidual) {
  const at::Tensor weight = random_row(37, 1);
  const auto normed = [&](const at::Tensor& x) {
    return exact(by_rows(x, [&](const Row& row, int64_t) {
      return slow::rms_norm(row, values_of(weight), kNormEps);
    }));
  };
  for (const int64_t rows : kManyRows) {
    const at::Tensor x = random(rows, 37, 2), delta = random(rows, 37, 3), sum = x + delta;
    EXPECT_LT(relative_error(rms_norm(x, weight, kNormEps), normed(x)), bound());
    const NormOutput out = norm_forward(x, delta, weight, kNormEps);
    EXPECT_TRUE(out.sum.equal(sum));
    EXPECT_LT(relative_error(out.normed, normed(sum)), bound());
    EXPECT_LT(relative_error(out.rstd, exact(by_rows(sum,
                                                     [](const Row& row, int64_t) {
                                                       return Row{1 / slow::rms(row, kNormEps)};
                                                     }))),
              1e-6);
    at::Tensor stream = x.clone();
    EXPECT_TRUE(add_rms_norm(stream, delta, weight, kNormEps).equal(out.normed));
    EXPECT_TRUE(stream.equal(sum));
  }
}

// The stream goes on beside the norm: its gradient is added to.
TEST_P(Operators, RmsNormBackwardIsTheSlopeAlsoAfterAResidual) {
  const at::Tensor weight = random_row(7, 1);
  const Row w = values_of(weight);
  for (const int64_t rows : kManyRows) {
    const at::Tensor x = random(rows, 7, 2), delta = random(rows, 7, 3), dy = random(rows, 7, 4);
    const at::Tensor d_stream = random(rows, 7, 5);
    const NormOutput out = norm_forward(x, delta, weight, kNormEps);
    const auto loss = [&](const Row& sum, const Row& by_weight, int64_t r) {
      return slow::dot(slow::rms_norm(sum, by_weight, kNormEps), row_of(dy, r));
    };
    const at::Tensor slope = exact(by_rows(out.sum, [&](const Row& sum, int64_t r) {
      return slow::slopes(sum, [&](const Row& at) { return loss(at, w, r); });
    }));
    const at::Tensor of_weight = exact(slow::slopes(w, [&](const Row& at) {
      double sum = 0;
      for (int64_t r = 0; r < rows; ++r) sum += loss(row_of(out.sum, r), at, r);
      return sum;
    }));
    const at::Tensor d_weight = float_zeros({7}).fill_(2);
    at::Tensor dx = d_stream.clone();
    norm_backward(dy, out.sum, out.rstd, weight, dx, true, d_weight);
    EXPECT_LT(relative_error(dx, slope + d_stream.to(at::kDouble).view({-1})), bound());
    EXPECT_LT(relative_error(d_weight, of_weight + 2), 2e-6);
    norm_backward(dy, out.sum, out.rstd, weight, dx, false, {});
    EXPECT_LT(relative_error(dx, slope), bound());
  }
}

const HeadShape kHeads{4, 2, 6};
constexpr slow::Heads kSlowHeads{4, 2, 6};

// f(one head of q or k, row, its number) for every one of them, in place; v stays.
at::Tensor by_heads(const at::Tensor& qkv,
                    const std::function<Row(const Row&, int64_t, size_t)>& f) {
  return at::tensor(by_rows(qkv,
                            [&](Row row, int64_t r) {
                              for (size_t h = 0; h < 6; ++h) {
                                const Row to = f(slow::part(row, 6 * h, 6), r, h);
                                std::copy(to.begin(), to.end(), &row[6 * h]);
                              }
                              return row;
                            }),
                    at::kDouble);
}

TEST_P(Operators, RopeTurnsQueriesAndKeysByPositionTimesFrequency) {
  const std::vector<float> frequencies = {1.0f, 0.3f, 0.01f};
  for (const int64_t rows : kManyRows) {
    std::vector<int32_t> positions;
    for (int32_t r = 0; r < rows; ++r) positions.push_back(r * 7 % 100);
    const auto angles = [&](int64_t r) {
      Row out;
      for (const float f : frequencies) out.push_back(f * positions[static_cast<size_t>(r)]);
      return out;
    };
    const at::Tensor table = rope_table(positions, frequencies);
    const at::Tensor qkv = random(rows, kHeads.qkv_width(), 1), dy = random(rows, 48, 2);
    at::Tensor turned = qkv.clone(), back = dy.clone();
    rope_(turned, table, kHeads);
    EXPECT_LT(
        relative_error(turned, by_heads(qkv, [&](const Row& head, int64_t r,
                                                 size_t) { return slow::rope(head, angles(r)); })),
        bound());
    EXPECT_TRUE(turned.slice(1, 36).equal(qkv.slice(1, 36))) << "values are not turned";
    rotate_(back, table, kHeads, -1.0f);
    EXPECT_LT(relative_error(back, by_heads(dy,
                                            [&](const Row& by, int64_t r, size_t h) {
                                              const Row head = slow::part(row_of(qkv, r), 6 * h, 6);
                                              return slow::slopes(head, [&](const Row& at) {
                                                return slow::dot(slow::rope(at, angles(r)), by);
                                              });
                                            })),
              bound());
  }
}

TEST_P(Operators, HeadNormsAndTheirBackward) {
  const at::Tensor q_weight = random_row(6, 1), k_weight = random_row(6, 2);
  const auto weight_of = [&](size_t head) { return values_of(head < 4 ? q_weight : k_weight); };
  for (const int64_t rows : kManyRows) {
    const at::Tensor qkv = random(rows, 48, 3), dy = random(rows, 48, 4);
    at::Tensor normed = qkv.clone(), d = dy.clone();
    HeadNormTape tape;
    head_norm_(normed, q_weight, k_weight, kHeads, kNormEps, &tape);
    EXPECT_LT(relative_error(normed, by_heads(qkv,
                                              [&](const Row& head, int64_t, size_t h) {
                                                return slow::rms_norm(head, weight_of(h), kNormEps);
                                              })),
              bound());
    Row of_weights[2] = {Row(6), Row(6)};
    const at::Tensor slope = by_heads(dy, [&](const Row& by, int64_t r, size_t h) {
      const Row head = slow::part(row_of(qkv, r), 6 * h, 6);
      const Row of_weight = slow::slopes(weight_of(h), [&](const Row& at) {
        return slow::dot(slow::rms_norm(head, at, kNormEps), by);
      });
      for (size_t c = 0; c < 6; ++c) of_weights[h / 4][c] += of_weight[c];
      return slow::slopes(head, [&](const Row& at) {
        return slow::dot(slow::rms_norm(at, weight_of(h), kNormEps), by);
      });
    });
    const at::Tensor d_q = float_zeros({6}), d_k = float_zeros({6});
    head_norm_backward_(d, tape, q_weight, k_weight, kHeads, d_q, d_k);
    EXPECT_LT(relative_error(d, slope), bound());
    EXPECT_LT(relative_error(d_q, exact(of_weights[0])), 5e-6);
    EXPECT_LT(relative_error(d_k, exact(of_weights[1])), 5e-6);
  }
}

TEST_P(Operators, SwigluAndItsBackward) {
  for (const int64_t rows : kManyRows) {
    const at::Tensor gate_up = random(rows, 18, 1, 2), dy = random(rows, 9, 2);
    const at::Tensor expected =
        exact(by_rows(gate_up, [](const Row& row, int64_t) { return slow::swiglu(row); }));
    EXPECT_LT(relative_error(swiglu(gate_up), expected), bound());
    const SwigluGradient d = swiglu_backward(gate_up, dy);
    EXPECT_LT(relative_error(d.y, expected), bound());
    EXPECT_LT(relative_error(d.d_gate_up,
                             exact(by_rows(gate_up,
                                           [&](const Row& row, int64_t r) {
                                             return slow::slopes(row, [&](const Row& at) {
                                               return slow::dot(slow::swiglu(at), row_of(dy, r));
                                             });
                                           }))),
              bound());
  }
}

// Documents of 5, 1 and 37 tokens; a prompt of 9 with two answers, of which the second sees a part
// of it alone; a last one.
const std::vector<Segment> kDocuments = {{0, 5, 0, 0},   {5, 6, 0, 0},     {6, 43, 0, 0},
                                         {43, 52, 0, 0}, {52, 55, 43, 52}, {55, 59, 45, 50},
                                         {59, 61, 0, 0}};
constexpr int64_t kDocumentRows = 61;

std::vector<size_t> seen_by(const Segment& s, int32_t row) {
  std::vector<size_t> rows;
  for (int32_t t = s.prefix_begin; t < s.prefix_end; ++t) rows.push_back(static_cast<size_t>(t));
  for (int32_t t = s.begin; t <= row; ++t) rows.push_back(static_cast<size_t>(t));
  return rows;
}

// out [N, H*D] of the heads of one key/value head; the others stay 0.
void attend_group(const Row& qkv, size_t kv_head, Row& out) {
  for (const Segment& s : kDocuments)
    for (int32_t r = s.begin; r < s.end; ++r)
      for (const size_t head : {2 * kv_head, 2 * kv_head + 1}) {
        const auto row = static_cast<size_t>(r);
        const Row one = slow::attend(qkv, kSlowHeads, row, head, seen_by(s, r)).out;
        std::copy(one.begin(), one.end(), &out[(row * 4 + head) * 6]);
      }
}

TEST_P(Operators, PackedAttentionSeesTheOwnDocumentAndItsPrompt) {
  const at::Tensor qkv = random(kDocumentRows, 48, 1, 1.5);
  Row expected(kDocumentRows * 24);
  for (const size_t kv : {0, 1}) attend_group(values_of(qkv), kv, expected);
  EXPECT_LT(relative_error(packed_attention(qkv, kDocuments, kHeads), exact(expected)), bound());
}

TEST_P(Operators, PackedAttentionBackwardIsTheSlope) {
  const at::Tensor qkv = random(kDocumentRows, 48, 1, 1.5), d_out = random(kDocumentRows, 24, 2);
  const Row values = values_of(qkv), by = values_of(d_out);
  Row slope(values.size());
  for (const size_t kv : {0, 1}) {
    const auto loss = [&](const Row& at) {
      Row out(kDocumentRows * 24);
      attend_group(at, kv, out);
      return slow::dot(out, by);
    };
    // What the group's loss depends on, and nothing else.
    std::vector<size_t> places;
    for (size_t row = 0; row < kDocumentRows; ++row)
      for (size_t c = 0; c < 6; ++c)
        for (const size_t first : {kSlowHeads.query(row, 2 * kv), kSlowHeads.query(row, 2 * kv + 1),
                                   kSlowHeads.key(row, kv), kSlowHeads.value(row, kv)})
          places.push_back(first + c);
    Row at_places;
    for (const size_t place : places) at_places.push_back(values[place]);
    Row all = values;
    const Row found = slow::slopes(at_places, [&](const Row& at) {
      for (size_t i = 0; i < places.size(); ++i) all[places[i]] = at[i];
      return loss(all);
    });
    for (size_t i = 0; i < places.size(); ++i) slope[places[i]] = found[i];
  }
  const AttentionOutput forward = attention_forward(qkv, kDocuments, kHeads, true);
  const at::Tensor d = attention_backward(d_out, qkv, forward, kDocuments, kHeads);
  EXPECT_LT(relative_error(d, exact(slope)), wide_bound());
}

TEST_P(Operators, CachedAttentionSeesEveryKeyOfItsRanges) {
  const at::Tensor qkv = random(60, 48, 1, 1.5);
  const char* base = static_cast<const char*>(qkv.data_ptr());
  const auto range = [&](int64_t first, int64_t count) {
    const auto at = [&](size_t element) {
      return base + static_cast<int64_t>(element) * qkv.element_size();
    };
    return KeyRange{at(kSlowHeads.key(static_cast<size_t>(first), 0)),
                    at(kSlowHeads.value(static_cast<size_t>(first), 0)), count, 48,
                    kHeads.head_dim};
  };
  const std::vector<std::vector<KeyRange>> ranges = {
      {range(0, 40), range(40, 1)}, {range(3, 1)}, {range(5, 0), range(50, 10), range(0, 2)}};
  const at::Tensor out = cached_attention(qkv.narrow(1, 0, 24).narrow(0, 10, 3), ranges, kHeads);
  std::vector<std::vector<size_t>> seen(3);
  for (size_t t = 0; t <= 40; ++t) seen[0].push_back(t);
  seen[1] = {3};
  for (size_t t = 50; t < 60; ++t) seen[2].push_back(t);
  seen[2].insert(seen[2].end(), {0, 1});
  Row expected;
  for (size_t b = 0; b < 3; ++b)
    for (size_t head = 0; head < 4; ++head)
      slow::append(expected, slow::attend(values_of(qkv), kSlowHeads, 10 + b, head, seen[b]).out);
  EXPECT_LT(relative_error(out, exact(expected)), bound());
  EXPECT_EQ(cached_attention(qkv.narrow(1, 0, 24).narrow(0, 0, 0), {}, kHeads).size(0), 0);
}

TEST_P(Operators, GradientsOfWeightsAreAddedUp) {
  const at::Tensor dy = random(130, 70, 1), x = random(130, 5, 2);
  const at::Tensor exact_dy = dy.to(at::kDouble), exact_x = x.to(at::kDouble);
  const at::Tensor weight = float_zeros({70, 5}).fill_(1), bias = float_zeros({70}).fill_(1);
  accumulate_weight_gradient(dy, x, weight);
  EXPECT_LT(relative_error(weight, exact_dy.t().mm(exact_x) + 1), bound());
  accumulate_bias_gradient(dy, bias);
  EXPECT_LT(relative_error(bias, exact_dy.sum(0) + 1), 2e-6);
  std::vector<int32_t> ids;
  at::Tensor expected = at::ones({11, 70}, at::kDouble);
  for (int64_t r = 0; r < 130; ++r) {
    ids.push_back(static_cast<int32_t>(r * r % 11));
    expected[ids.back()] += exact_dy[r];
  }
  const at::Tensor embedding = float_zeros({11, 70}).fill_(1);
  accumulate_embedding_gradient(dy, ids, embedding);
  EXPECT_LT(relative_error(embedding, expected), 2e-6);
}

}  // namespace
}  // namespace lehr::lm
