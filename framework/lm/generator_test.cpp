#include "lm/generator.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/log_softmax.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "lm/operators.h"
#include "lm/random.h"

namespace lehr::lm {
namespace {

ModelConfig tiny() {
  ModelConfig config;
  config.hidden_size = 32;
  config.intermediate_size = 64;
  config.layers = 2;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = 8;
  config.vocab_size = 101;
  config.max_position_embeddings = 48;
  config.initializer_range = 0.4;  // decided logits: no ties within rounding
  return config;
}

std::vector<GenerationRequest> prompts(size_t count) {
  std::vector<GenerationRequest> requests(count);
  const Random random(5, Purpose::kUser);
  for (size_t i = 0; i < count; ++i) {
    requests[i].sample = i;
    for (size_t t = 0; t < 1 + i % 7; ++t)
      requests[i].prompt.push_back(static_cast<int32_t>(random.below(i * 16 + t, 101)));
  }
  return requests;
}

// Logits of the last of `ids`, by running all of them: [V].
at::Tensor last_logits(const Model& model, const std::vector<int32_t>& ids) {
  const at::NoGradGuard no_gradients;
  PackedBatch batch;
  batch.ids = ids;
  for (size_t i = 0; i < ids.size(); ++i) batch.positions.push_back(static_cast<int32_t>(i));
  batch.segments = {{0, static_cast<int32_t>(ids.size()), 0, 0}};
  return model.logits(model.forward_hidden(batch).narrow(0, batch.size() - 1, 1))[0];
}

TEST(Generator, GreedyEqualsRunningTheWholeTextAgain) {
  const Model model = Model::create(tiny(), 3, Precision::kFp32);
  const auto requests = prompts(11);
  GenerationOptions options{.sampling = {.temperature = 0}, .max_new_tokens = 20, .batch = 4};
  const auto results = generate(model, requests, options);
  for (size_t i = 0; i < requests.size(); ++i) {
    std::vector<int32_t> ids = requests[i].prompt;
    ASSERT_EQ(results[i].tokens.size(), 20u);
    for (size_t t = 0; t < 20; ++t) {
      const at::Tensor logits = last_logits(model, ids);
      ASSERT_EQ(results[i].tokens[t], logits.argmax().item<int64_t>()) << i << " " << t;
      const at::Tensor logprobs = at::log_softmax(logits, 0);
      // Rounding of sums in another order, over two layers.
      ASSERT_NEAR(results[i].logprobs[t], logprobs[results[i].tokens[t]].item<float>(), 1e-4);
      ids.push_back(results[i].tokens[t]);
    }
  }
}

TEST(Generator, WhatASampleDrawsDoesNotDependOnItsNeighbours) {
  const Model model = Model::create(tiny(), 3, Precision::kFp32);
  const auto requests = prompts(9);
  GenerationOptions options{.sampling = {.temperature = 0.8}, .max_new_tokens = 12, .seed = 4};
  const auto together = generate(model, requests, options);
  options.batch = 2;
  const auto in_twos = generate(model, requests, options);
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto alone = generate(model, std::span(requests).subspan(i, 1), options);
    EXPECT_EQ(together[i].tokens, alone[0].tokens) << i;
    EXPECT_EQ(together[i].tokens, in_twos[i].tokens) << i;
  }
  options.seed = 5;
  EXPECT_NE(generate(model, requests, options)[0].tokens, together[0].tokens);
}

TEST(Generator, StopsAfterAStopTokenAndLetsWaitingPromptsIn) {
  const Model model = Model::create(tiny(), 3, Precision::kFp32);
  const auto requests = prompts(30);
  GenerationOptions options{.sampling = {.temperature = 1.0}, .max_new_tokens = 30, .batch = 4};
  const auto free_running = generate(model, requests, options);
  options.stop_tokens = {free_running[0].tokens[3], free_running[1].tokens[5]};
  std::vector<size_t> ended;
  const auto results =
      generate(model, requests, options, {.finished = [&](size_t i) { ended.push_back(i); }});
  ASSERT_EQ(ended.size(), requests.size());
  std::sort(ended.begin(), ended.end());
  for (size_t i = 0; i < ended.size(); ++i) EXPECT_EQ(ended[i], i);
  EXPECT_LE(results[0].tokens.size(), 4u);
  for (size_t i = 0; i < results.size(); ++i) {
    const auto& full = free_running[i].tokens;
    const auto stop = std::find_first_of(full.begin(), full.end(), options.stop_tokens.begin(),
                                         options.stop_tokens.end());
    EXPECT_EQ(results[i].stopped, stop != full.end()) << i;
    const auto end = stop == full.end() ? stop : stop + 1;
    EXPECT_EQ(results[i].tokens, std::vector<int32_t>(full.begin(), end)) << i;
  }
}

TEST(Generator, EndsWhereTheContextEnds) {
  const Model model = Model::create(tiny(), 3, Precision::kFp32);
  GenerationRequest request;
  request.prompt.assign(45, 7);
  const auto results = generate(model, {&request, 1}, {.max_new_tokens = 20});
  // Tokens at positions 45, 46, 47: prompt and answer can be fed to the model as a whole.
  EXPECT_EQ(results[0].tokens.size(), 3u);
  EXPECT_FALSE(results[0].stopped);
  request.prompt.assign(48, 7);
  EXPECT_THROW(generate(model, {&request, 1}, {}), std::invalid_argument);
  request.prompt.clear();
  EXPECT_THROW(generate(model, {&request, 1}, {}), std::invalid_argument);
}

TEST(Generator, LogprobsAreThoseOfTheTemperature) {
  const Model model = Model::create(tiny(), 3, Precision::kFp32);
  const auto requests = prompts(1);
  const auto result =
      generate(model, requests, {.sampling = {.temperature = 0.5}, .max_new_tokens = 1})[0];
  const at::Tensor logprobs = at::log_softmax(last_logits(model, requests[0].prompt) / 0.5, 0);
  EXPECT_NEAR(result.logprobs[0], logprobs[result.tokens[0]].item<float>(), 1e-4);
}

// Eight answers to two prompts, each run through the model once, and the same answers one at a
// time, where nothing is shared. Products may round differently for another row of a batch.
TEST(Generator, SamplesOfOnePromptAreWhatTheyWouldBeAlone) {
  const Model model = Model::create(tiny(), 3, Precision::kFp32);
  std::vector<GenerationRequest> requests;
  for (uint64_t i = 0; i < 8; ++i)
    requests.push_back(
        {i % 3 == 2 ? std::vector<int32_t>{9, 2} : std::vector<int32_t>{5, 80, 3}, i});
  const GenerationOptions options{.sampling = {.temperature = 1.3}, .max_new_tokens = 16};
  const auto together = generate(model, requests, options);
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto alone = generate(model, std::span(requests).subspan(i, 1), options)[0];
    ASSERT_EQ(together[i].tokens, alone.tokens) << i;
    for (size_t t = 0; t < alone.logprobs.size(); ++t)
      EXPECT_NEAR(together[i].logprobs[t], alone.logprobs[t], 1e-5) << i << " " << t;
  }
  EXPECT_NE(together[0].tokens, together[1].tokens) << "samples draw by their own numbers";
}

TEST(Generator, TellsEachTokenAndEndsWhereTold) {
  const Model model = Model::create(tiny(), 3, Precision::kFp32);
  const auto requests = prompts(6);
  const GenerationOptions options{.sampling = {.temperature = 1.0}, .max_new_tokens = 9};
  const auto free_running = generate(model, requests, options);
  std::vector<std::vector<int32_t>> told(requests.size());
  const auto results =
      generate(model, requests, options, {.token = [&](size_t i, const Generation& g) {
                 told[i].push_back(g.tokens.back());
                 return i == 2 && g.tokens.size() == 4;
               }});
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(told[i], results[i].tokens) << i;
    EXPECT_EQ(results[i].stopped, i == 2) << i;
    const auto& full = free_running[i].tokens;
    EXPECT_EQ(told[i], std::vector<int32_t>(full.begin(), full.begin() + (i == 2 ? 4 : 9))) << i;
  }
}

// What sampling believes of its tokens is what training will compute for them.
TEST(Generator, LogprobsEqualTrainings) {
  for (const Precision precision : {Precision::kFp32, default_precision()}) {
    const Model model = Model::create(tiny(), 3, precision);
    const auto requests = prompts(7);
    const double temperature = 0.8;
    const auto results =
        generate(model, requests, {.sampling = {.temperature = temperature}, .max_new_tokens = 20});
    for (size_t i = 0; i < requests.size(); ++i) {
      PackedBatch batch;
      batch.ids = requests[i].prompt;
      for (const int32_t token : results[i].tokens) {
        batch.loss_entries.push_back({static_cast<int32_t>(batch.size()) - 1, token, 1.0f, 0});
        batch.ids.push_back(token);
      }
      for (int32_t t = 0; t < batch.size(); ++t) batch.positions.push_back(t);
      batch.segments = {{0, static_cast<int32_t>(batch.size()), 0, 0}};
      const at::NoGradGuard no_gradients;
      const at::Tensor trained =
          token_logprobs(model.forward_hidden(batch), model.head(), batch.loss_entries, temperature)
              .logprobs;
      for (size_t t = 0; t < results[i].tokens.size(); ++t)
        // fp32: sums in another order; bf16: activations of about 1 rounded to 8 bits at each
        // layer, under logits of up to 10.
        ASSERT_NEAR(results[i].logprobs[t], trained[static_cast<int64_t>(t)].item<float>(),
                    precision == Precision::kFp32 ? 1e-4 : 0.2)
            << i << " " << t;
    }
  }
}

// Turns of a conversation, the third longer than the cache that the first two were held in.
TEST(Generator, GoesOnFromThePrefixThatWasKept) {
  const Model model = Model::create(tiny(), 3, Precision::kFp32);
  const GenerationOptions options{.sampling = {.temperature = 0.8}, .max_new_tokens = 4, .seed = 4};
  KeptPrefix kept;
  std::vector<GenerationRequest> turn = {{{7, 1, 9}, 2}};
  const auto answer = [&] {
    const auto alone = generate(model, turn, options),
               found = generate(model, turn, options, {}, &kept);
    EXPECT_EQ(found[0].tokens, alone[0].tokens);
    for (size_t t = 0; t < 4; ++t)
      EXPECT_NEAR(found[0].logprobs[t], alone[0].logprobs[t], 1e-4) << t;  // sums in another order
    return found[0].tokens;
  };
  const auto ask = [&](const std::vector<int32_t>& said, const std::vector<int32_t>& more) {
    std::vector<int32_t>& ids = turn[0].prompt;
    ids.insert(ids.end(), said.begin(), said.end());
    ids.insert(ids.end(), more.begin(), more.end());
  };
  const auto first = answer();
  EXPECT_EQ(kept.reused, 0);
  ask(first, {5, 6});
  const auto second = answer();
  EXPECT_EQ(kept.reused, 6) << "all but what is new, the last token drawn among it";
  answer();
  EXPECT_EQ(kept.reused, 8) << "the same again: all but the last";
  ask(second, {11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21});
  answer();
  EXPECT_EQ(kept.reused, 0) << "a larger cache";
  turn[0].prompt[4] = 50;
  answer();
  EXPECT_EQ(kept.reused, 4) << "up to where it differs";
  const std::vector<GenerationRequest> two(2, turn[0]);
  EXPECT_THROW(generate(model, two, options, {}, &kept), std::invalid_argument);
}

}  // namespace
}  // namespace lehr::lm
