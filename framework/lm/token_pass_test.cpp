#include "lm/token_pass.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/index_select.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lm/decode_step.h"
#include "lm/device.h"
#include "lm/linear.h"
#include "lm/small_model.h"

namespace lehr::lm {
namespace {

constexpr int64_t kTokens = 14, kSlots = 14;

// Every family, tied and not, with as many heads and columns as two or three threads do not share
// evenly.
std::vector<ModelConfig> configs() {
  std::vector<ModelConfig> all;
  for (const Family family : {Family::kLlama, Family::kQwen2, Family::kQwen3}) {
    ModelConfig config = small_config(family != Family::kQwen2);
    config.family = family;
    config.intermediate_size = 150;
    all.push_back(config);
  }
  return all;
}

int32_t token(int64_t sequence, int64_t t) {
  return static_cast<int32_t>((31 * sequence + 7 * t + 3) % 97);
}

int64_t most_rows(Precision precision) {
  return std::min(kSlots, kernels(precision == Precision::kBf16).most_few_rows);
}

// Sequence r lies in slot kSlots - 1 - r and is r tokens behind the first.
std::vector<at::Tensor> decode(const Model& model, int64_t rows, int threads, bool by_operators) {
  const int before = at::get_num_threads();
  at::set_num_threads(threads);
  KvCache cache(model.config(), model.precision(), kSlots, kTokens);
  TokenPass pass(model, cache);
  std::vector<at::Tensor> logits;
  for (int64_t t = 0; t < kTokens; ++t) {
    std::vector<int32_t> ids, positions, slots_seen, counts;
    std::vector<int64_t> slots;
    std::vector<KvCache::Run> runs;
    for (int64_t r = 0; r < rows && r <= t; ++r) {
      const int64_t slot = kSlots - 1 - r;
      ids.push_back(token(r, t - r));
      positions.push_back(static_cast<int32_t>(t - r));
      slots.push_back(slot);
      slots_seen.push_back(static_cast<int32_t>(slot));
      counts.push_back(positions.back() + 1);
      runs.push_back({slot, t - r, r, 1});
    }
    if (by_operators) {
      const at::Tensor x = at::index_select(model.embedding(), 0, indices(ids, at::kCPU));
      logits.push_back(model.logits(
          next_hidden(model, cache, x, rope_table(positions, model.config().rope_frequencies()),
                      cache.place(runs), cache.view(slots_seen, counts))));
    } else {
      logits.push_back(pass.logits(ids, positions, slots).clone());
    }
  }
  at::set_num_threads(before);
  return logits;
}

TEST(TokenPass, GivesTheBitsOfTheOperatorsWhateverTheThreads) {
  const at::NoGradGuard no_gradients;
  for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
    for (const ModelConfig& config : configs()) {
      const Model model = Model::create(config, 5, precision);
      for (const int64_t rows : {int64_t{1}, most_rows(precision)}) {
        const auto expected = decode(model, rows, 1, true);
        for (const int threads : {1, 2, 3}) {
          const auto found = decode(model, rows, threads, false);
          for (size_t t = 0; t < found.size(); ++t)
            ASSERT_TRUE(at::equal(found[t], expected[t]))
                << family_name(config.family) << ", " << precision_name(precision) << ", " << rows
                << " rows, " << threads << " threads, token " << t;
        }
      }
    }
  }
}

TEST(TokenPass, GivesTheSameWhereAllThreadsButOneAreRefused) {
  const at::NoGradGuard no_gradients;
  const Model model = Model::create(configs().front(), 5, Precision::kFp32);
  const int64_t rows = most_rows(Precision::kFp32);
  const auto expected = decode(model, rows, 3, false);
  std::vector<at::Tensor> found;
#pragma omp parallel num_threads(2)
#pragma omp single
  found = decode(model, rows, 3, false);
  for (size_t t = 0; t < found.size(); ++t) EXPECT_TRUE(at::equal(found[t], expected[t])) << t;
}

TEST(TokenPass, RefusesRowsThatTheCacheLacks) {
  const Model model = Model::create(small_config(), 5, Precision::kFp32);
  KvCache cache(model.config(), model.precision(), 2, 4);
  TokenPass pass(model, cache);
  const std::vector<int32_t> id{1}, inside{3}, beyond{4};
  const std::vector<int64_t> slot{1}, none{2};
  EXPECT_NO_THROW(pass.logits(id, inside, slot));
  EXPECT_THROW(pass.logits(id, beyond, slot), c10::Error);
  EXPECT_THROW(pass.logits(id, inside, none), c10::Error);
}

}  // namespace
}  // namespace lehr::lm
