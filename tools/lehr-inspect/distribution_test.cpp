#include "distribution.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "chart.h"
#include "lm/byte_model_test.h"
#include "views.h"

namespace lehr::inspect {
namespace {

lm::Model small(std::int64_t context = 16) {
  lm::ModelConfig config;
  config.hidden_size = 16;
  config.intermediate_size = 32;
  config.layers = 2;
  config.heads = 2;
  config.kv_heads = 1;
  config.head_dim = 8;
  config.vocab_size = 50;
  config.max_position_embeddings = context;
  config.initializer_range = 0.5;
  return lm::Model::create(config, 3, lm::Precision::kFp32);
}

TEST(NextToken, IsADistributionInOrder) {
  const lm::Model model = small();
  const NextToken all = next_token(model, {4, 9, 2}, 1000);
  ASSERT_EQ(all.likeliest.size(), 50u);
  EXPECT_EQ(all.rest, 0);
  double sum = 0, entropy = 0;
  for (std::size_t i = 0; i < all.likeliest.size(); ++i) {
    const double p = std::exp(all.likeliest[i].logprob);
    sum += p;
    entropy -= p * std::log2(p);
    if (i > 0) {
      EXPECT_LE(p, std::exp(all.likeliest[i - 1].logprob));
    }
  }
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_NEAR(all.entropy_bits, entropy, 1e-9);
  const NextToken three = next_token(model, {4, 9, 2}, 3);
  EXPECT_NEAR(three.rest,
              1 - std::exp(three.likeliest[0].logprob) - std::exp(three.likeliest[1].logprob) -
                  std::exp(three.likeliest[2].logprob),
              1e-12);
}

TEST(Score, AgreesWithTheNextTokenOfEachBeginning) {
  const lm::Model model = small();
  const std::vector<std::int32_t> ids = {4, 9, 2, 2, 31};
  const auto scores = score(model, ids);
  ASSERT_EQ(scores.size(), 4u);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const auto next = next_token(model, {ids.begin(), ids.begin() + std::ptrdiff_t(i) + 1}, 50);
    EXPECT_EQ(scores[i].token.id, ids[i + 1]);
    const auto& at = next.likeliest[static_cast<std::size_t>(scores[i].rank) - 1];
    EXPECT_EQ(at.id, ids[i + 1]);
    EXPECT_NEAR(at.logprob, scores[i].token.logprob, 1e-4);  // fp32 products of other shapes
    EXPECT_EQ(scores[i].likeliest.id, next.likeliest[0].id);
  }
}

// Each token of a long text is seen once, after at least half a context.
TEST(Score, GoesThroughLongTextsInWindows) {
  const lm::Model model = small(16);
  std::vector<std::int32_t> ids;
  for (std::int32_t i = 0; i < 53; ++i) ids.push_back(i * 7 % 50);
  const auto scores = score(model, ids);
  ASSERT_EQ(scores.size(), 52u);
  for (std::size_t i = 0; i < scores.size(); ++i) EXPECT_EQ(scores[i].token.id, ids[i + 1]) << i;
  // Token 20 is scored in the window that begins at 8, of whose rows the first 7 are scored before.
  const auto window = score(model, {ids.begin() + 8, ids.begin() + 24});
  EXPECT_NEAR(scores[19].token.logprob, window[11].token.logprob, 1e-5);
}

TEST(NextToken, OfLogitsThatOverflowIsAnError) {
  lm::Model model = small();
  model.parameter("model.norm.weight").fill_(3e38);
  EXPECT_THROW(next_token(model, {4, 9, 2}, 3), Error);
  EXPECT_THROW(score(model, {4, 9, 2}), Error);
}

TEST(Continuation, TellsThatTheContextIsFull) {
  text::Tokenizer tokenizer = lm::byte_tokenizer();
  lm::Model model = lm::Model::create(lm::byte_model(tokenizer, 16), 3);
  const OpenedModel opened{std::move(model), std::move(tokenizer), {}};
  Request request;
  request.text = "0123456789";
  const auto told = [&](std::int64_t most, bool json) {
    request.generation.max_new_tokens = most;
    request.json = json;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    show_continuation(request, opened);
    testing::internal::GetCapturedStdout();
    return testing::internal::GetCapturedStderr();
  };
  for (const bool json : {false, true}) {
    EXPECT_EQ(told(3, json), "");
    EXPECT_EQ(told(50, json), "lehr: the context is full after 6 of 50 tokens\n");
  }
}

TEST(Chart, CellsAndBarsTakeTheColumnsTheyShould) {
  EXPECT_EQ(cell("ab", 4), "ab  ");
  EXPECT_EQ(cell("abcdef", 4), "abc…");
  EXPECT_EQ(cell("日本語", 4), "日… ") << "half a wide character is not shown";
  EXPECT_EQ(bar(1, 4), "████");
  EXPECT_EQ(bar(0.5, 1), "▌");
  EXPECT_EQ(bar(1e-9, 4), "▏");
  EXPECT_EQ(bar(0, 4), "");
  EXPECT_EQ(percent(0.9132), " 91.3 %");
  EXPECT_EQ(percent(0.0004), " 0.04 %");
  EXPECT_EQ(percent(1e-7), "<0.01 %");
  EXPECT_EQ(percent(1), "100.0 %");
}

}  // namespace
}  // namespace lehr::inspect
