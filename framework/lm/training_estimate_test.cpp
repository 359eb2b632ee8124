#include "lm/training_estimate.h"

#include <ATen/ops/sum.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "lm/byte_model_test.h"
#include "lm/operators.h"
#include "lm/runtime.h"
#include "lm/sequence_feed.h"
#include "lm/small_model.h"
#include "lm/tensor_bytes_test.h"
#include "lm/train_options.h"

namespace lehr::lm {
namespace {

constexpr int64_t kRowTokens = 2048;

ModelConfig wide_or_deep(bool deep) {
  ModelConfig config;
  config.hidden_size = deep ? 64 : 128;
  config.intermediate_size = deep ? 192 : 320;
  config.layers = deep ? 6 : 2;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = config.hidden_size / 4;
  config.vocab_size = deep ? 1000 : 20000;
  config.max_position_embeddings = 128;
  return config;
}

PackedBatch row_of(int64_t tokens) {
  PackedBatch batch;
  for (int32_t i = 0; i < static_cast<int32_t>(tokens); ++i) {
    const int32_t position = i % 128;
    batch.ids.push_back(i % 997);
    batch.positions.push_back(position);
    if (position == 0) batch.segments.push_back({i, i, 0, 0});
    batch.segments.back().end = i + 1;
    if (position < 127)
      batch.loss_entries.push_back(
          {i, (i + 1) % 997, 1.0f, static_cast<int32_t>(batch.segments.size()) - 1});
  }
  return batch;
}

at::Tensor loss_of(const Model& model, const PackedBatch& row, bool by_logprobs) {
  const at::Tensor hidden = model.forward_hidden(row);
  if (model.config().head == HeadKind::kScore) {
    std::vector<int32_t> last;
    for (const Segment& segment : row.segments) last.push_back(segment.end - 1);
    return scalar_head(hidden, model.head(), last).sum();
  }
  if (by_logprobs) return token_logprobs(hidden, model.head(), row.loss_entries).logprobs.sum();
  return linear_cross_entropy(hidden, model.head(), row.loss_entries).loss;
}

struct Case {
  const char* name;
  bool deep = true;
  TrainOptions options = {};
  HeadKind head = HeadKind::kLanguage;
  bool by_logprobs = false;
};

std::vector<Case> cases() {
  TrainOptions plain, again, adapted;
  plain.precision = again.precision = adapted.precision = "auto";
  again.activation_checkpointing = true;
  adapted.lora.rank = 8;
  TrainOptions exact = plain;
  exact.precision = "fp32";
  TrainOptions noisy = plain, dropped = adapted;
  noisy.neftune_noise_alpha = 5;
  dropped.lora.dropout = 0.1;
  TrainOptions dropped_again = dropped, dropped_exactly = dropped;
  dropped_again.activation_checkpointing = true;
  dropped_exactly.precision = "fp32";
  return {{"deep", true, plain},
          {"wide", false, plain},
          {"deep, float32", true, exact},
          {"deep, activations again", true, again},
          {"deep, adapter", true, adapted},
          {"wide, adapter", false, adapted},
          {"deep, noise", true, noisy},
          {"deep, adapter, dropout", true, dropped},
          {"deep, adapter, dropout, float32", true, dropped_exactly},
          {"deep, adapter, dropout, activations again", true, dropped_again},
          {"deep, log-probabilities", true, plain, HeadKind::kLanguage, true},
          {"deep, scores", true, plain, HeadKind::kScore},
          {"deep, scores, adapter", true, adapted, HeadKind::kScore}};
}

TEST(StepBytes, AreWhatAStepHoldsAtItsHighest) {
  for (const Case& c : cases()) {
    ModelConfig config = wide_or_deep(c.deep);
    config.head = c.head;
    Model model = Model::create(config, 1, parse_precision(c.options.precision));
    make_trainable(model, c.options, 1);
    for (const int64_t tokens : {kRowTokens, kRowTokens / 4}) {
      const PackedBatch row = row_of(tokens);
      const double held = most_bytes([&] { model.backward(loss_of(model, row, c.by_logprobs)); });
      const double said = step_tensors(config, c.options, tokens);
      // A tenth, and 0.4 MB of copies and odds and ends that the formula does not name.
      EXPECT_NEAR(said, held, 0.1 * held + 0.4e6) << c.name << ", " << tokens << " tokens";
    }
  }
}

// The first copy of the best weights, as TrainingLoop makes it.
TEST(BestBytes, AreWhatACopyOfTheBestWeightsTakes) {
  for (Case c : cases()) {
    const ModelConfig config = wide_or_deep(c.deep);
    EXPECT_EQ(best_bytes(config, c.options), 0) << c.name;
    c.options.save = "best";
    Model model = Model::create(config, 1, parse_precision(c.options.precision));
    make_trainable(model, c.options, 1);
    ParameterBuffer best;
    const double held = most_bytes([&] { best = model.trained().copy(); });
    // Between tensors lie a few bytes, so that each begins at 64.
    EXPECT_NEAR(best_bytes(config, c.options), held, 0.01 * held) << c.name;
  }
}

TrainOptions in_float32() {
  TrainOptions options;
  options.precision = "fp32";
  return options;
}

SequenceFile conversations(size_t count, size_t tokens) {
  Sequence sequence;
  sequence.trunk.ids.assign(tokens, 1);
  SequenceFile file(testing::TempDir());
  file.add(sequence, static_cast<int64_t>(count));
  return file;
}

double memory(const TrainOptions& options, SequenceFeed* feed) {
  Estimate out;
  if (feed != nullptr)
    estimate_fine_tuning(options, small_config(), *feed, 1, out);
  else
    bound_fine_tuning(options, small_config(), {}, 1, out);
  return *out.memory_bytes;
}

TEST(TrainedBytes, AreWeightsGradientsAndMomentsOfWhatIsTrained) {
  const ModelConfig config = small_config();
  const auto all = static_cast<double>(config.parameters());
  TrainOptions options = in_float32();
  EXPECT_EQ(trained_bytes(config, options), (4 + 4 + 8) * all);

  // q, o: 48 x 40; k, v: 20 x 48; gate, up, down: 72 x 48, in 3 layers
  options.optimizer.kind = "muon";
  const double products = 3 * (2 * 48 * 40 + 2 * 20 * 48 + 3 * 72 * 48);
  EXPECT_EQ(trained_bytes(config, options), (4 + 4 + 8) * all - 4 * products);

  // Factors of rank 2: twice the inputs and outputs of each product.
  options.lora.rank = 2;
  const double factors = 3 * 2 * (2 * (48 + 40) + 2 * (20 + 48) + 3 * (72 + 48));
  EXPECT_EQ(trained_bytes(config, options), 4 * all + (4 + 4 + 8) * factors);
}

TEST(FineTuning, IsEstimatedWithTheLongestRowThatItsSequencesFill) {
  TrainOptions options = in_float32();
  options.batch_tokens = options.micro_batch_tokens = 1024;
  SequenceFeed short_rows(conversations(200, 8), {.row_tokens = 16, .step_tokens = 1024});
  SequenceFeed full_rows(conversations(200, 8), {.row_tokens = 1024, .step_tokens = 1024});
  const ModelConfig config = small_config();
  EXPECT_NEAR(memory(options, &full_rows) - memory(options, &short_rows),
              step_bytes(config, options, 1024) - step_bytes(config, options, 16), 1);
  // However much an update may hold, no more is packed for it than there is.
  TrainOptions large = options;
  large.batch_tokens = 1 << 20;
  const double packed = memory(large, &full_rows) - memory(options, &full_rows);
  EXPECT_GT(packed, 0);
  EXPECT_LT(packed, 24 * 1600);
  EXPECT_EQ(memory(options, nullptr), process_bytes(Precision::kFp32) +
                                          trained_bytes(config, options) +
                                          step_bytes(config, options, 1024))
      << "sequences that are not known may fill a row";
}

Input told(std::string facts) {
  Input in;
  in.port = "model";
  in.label = "base";
  in.facts = std::move(facts);
  return in;
}

TEST(KnownConfig, IsWhatIsToldOfAModelThatIsNotMadeYet) {
  ModelConfig config = small_config();
  config.head = HeadKind::kScore;
  EXPECT_EQ(known_config({told(model_facts(config, {}))}, "model"), config);
  EXPECT_FALSE(known_config({told(model_facts(config, {}))}, "policy"));
  for (const char* nothing : {"", "{}", "[]", R"({"other":1})"})
    EXPECT_FALSE(known_config({told(nothing)}, "model")) << nothing;
  EXPECT_EQ(told_number(told(R"({"vocab_size":300})"), "vocab_size"), 300);
  for (const char* nothing : {"", "{}", R"({"vocab_size":"many"})"})
    EXPECT_FALSE(told_number(told(nothing), "vocab_size")) << nothing;
  try {
    known_config({told(R"({"config":{"model_type":"mamba"}})")}, "model");
    ADD_FAILURE();
  } catch (const std::exception& error) {
    EXPECT_NE(std::string(error.what()).find("'base'"), std::string::npos) << error.what();
  }
}

TEST(FineTuning, BoundsItsWorkBeforeItsSequencesAreThere) {
  const ModelConfig config = small_config();
  TrainOptions options = in_float32();
  options.batch_tokens = options.micro_batch_tokens = 1024;
  options.budget.tokens = 10240;
  Estimate before;
  bound_fine_tuning(options, config, {}, 1, before);
  EXPECT_EQ(before.steps, 10);
  EXPECT_EQ(before.tokens, 10240);
  EXPECT_EQ(before.at_most, std::uint64_t{LEHR_AT_MOST_FLOPS | LEHR_AT_MOST_SECONDS});

  SequenceFeed feed(conversations(2000, 8), {.row_tokens = 1024, .step_tokens = 1024});
  Estimate known;
  estimate_fine_tuning(options, config, feed, 1, known);
  EXPECT_EQ(known.at_most, 0u);
  EXPECT_EQ(known.steps, before.steps);
  EXPECT_LT(*known.flops, *before.flops);

  options.budget = {.flops = 1e9};
  Estimate bought;
  bound_fine_tuning(options, config, {}, 1, bought);
  EXPECT_EQ(bought.flops, 1e9);
  EXPECT_FALSE(bought.steps) << "it buys more of them where sequences are short";

  options.budget = {.epochs = 2};
  Estimate counted;
  bound_fine_tuning(options, config, {}, 1, counted);
  EXPECT_TRUE(counted.parameters && counted.memory_bytes && counted.disk_bytes);
  EXPECT_FALSE(counted.steps || counted.tokens || counted.flops || counted.seconds);
}

TEST(FineTuning, BoundsAnEpochOfRowsThatItsSourceTellsOf) {
  const ModelConfig config = small_config();
  TrainOptions options = in_float32();
  options.batch_tokens = options.micro_batch_tokens = 1024;
  options.budget = {.epochs = 2};
  Estimate told;
  bound_fine_tuning(options, config, {100, 10000}, 1, told);
  EXPECT_EQ(told.steps, 20);
  EXPECT_EQ(told.tokens, 20000);
  EXPECT_EQ(told.flops, 20000 * config.flops_per_token(most_keys(config, 1024)));
  EXPECT_TRUE(told.seconds);
  EXPECT_EQ(told.at_most,
            std::uint64_t{LEHR_AT_MOST_STEPS | LEHR_AT_MOST_TOKENS | LEHR_AT_MOST_FLOPS |
                          LEHR_AT_MOST_MEMORY | LEHR_AT_MOST_SECONDS});
  options.budget = {.steps = 7};
  Estimate counted;
  bound_fine_tuning(options, config, {100, 10000}, 1, counted);
  EXPECT_EQ(counted.steps, 7);
  EXPECT_FALSE(counted.at_most & LEHR_AT_MOST_STEPS);
}

TEST(KnownRows, AreCountedWhereTheyAreMadeAndToldBefore) {
  Input in;
  in.port = "preferences";
  EXPECT_EQ(most_pairs({in}, 100).tokens, 0);
  in.facts = R"({"train_rows":10,"train_messages":30,"train_bytes":850})";
  EXPECT_EQ(most_pairs({in}, 100).tokens, 1000);
  EXPECT_EQ(most_pairs({in}, 100).sequences, 10);
  EXPECT_EQ(most_pairs({in}, 10).tokens, 200) << "a prompt and two answers";
  Input judged = in;
  judged.port = "feedback";
  EXPECT_EQ(most_pairs({judged}, 100).tokens, 2 * 1000) << "an answer stands in two pairs";
  EXPECT_EQ(most_pairs({judged}, 10).tokens, 200);
  in.path = std::filesystem::path(testing::TempDir()) / "lehr_known_rows";
  std::filesystem::create_directories(in.path);
  std::ofstream(in.path / "train-0.jsonl")
      << R"({"prompt":[{"role":"user","content":"1?"}],"chosen":[{"role":"assistant","content":"1"}],)"
      << R"("rejected":[{"role":"assistant","content":"22"}]})"
      << "\n";
  EXPECT_EQ(most_pairs({in}, 100).tokens, (4 + 2) + (9 + 1) + (9 + 2) + 3 * 5);
  std::filesystem::remove_all(in.path);
}

TEST(FineTuning, IsEstimatedFromAShareOfItsSequences) {
  const ModelConfig config = small_config();
  TrainOptions options = in_float32();
  options.batch_tokens = options.micro_batch_tokens = 1024;
  options.budget = {.epochs = 2};
  SequenceFeed all(conversations(20000, 8), {.row_tokens = 1024, .step_tokens = 1024});
  SequenceFeed few(conversations(2000, 8), {.row_tokens = 1024, .step_tokens = 1024});
  Estimate known, scaled;
  estimate_fine_tuning(options, config, all, 1, known);
  estimate_fine_tuning(options, config, few, 1, scaled, 0.1);
  EXPECT_EQ(scaled.tokens, known.tokens);
  EXPECT_NEAR(*scaled.steps, *known.steps, 0.03 * *known.steps);
  EXPECT_NEAR(*scaled.memory_bytes, *known.memory_bytes, 1);
}

TEST(FineTuning, KnowsItsPairsAsSoonAsTheyAndATokenizerAreThere) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "lehr_pairs";
  std::filesystem::create_directories(folder);
  const text::Tokenizer tokenizer = byte_tokenizer();
  tokenizer.save(folder);
  std::ofstream(folder / "train-0.jsonl")
      << R"({"prompt":[{"role":"user","content":"Who?"}],"chosen":[{"role":"assistant","content":"I"}],)"
      << R"("rejected":[{"role":"assistant","content":"It"}]})"
      << "\n";
  const ModelConfig config = byte_model(tokenizer, 64);
  Input pairs;
  pairs.port = "preferences";
  pairs.path = folder;
  Estimate bound, known;
  estimate_on_pairs(in_float32(), config, {told(model_facts(config, folder / "none")), pairs}, 64,
                    OverLong::kCut, bound);
  EXPECT_TRUE(bound.at_most & LEHR_AT_MOST_TOKENS);
  estimate_on_pairs(in_float32(), config, {told(model_facts(config, folder)), pairs}, 64,
                    OverLong::kCut, known);
  EXPECT_EQ(known.at_most, 0u);
  EXPECT_LT(*known.tokens, *bound.tokens);
  // Of feedback the answers of two rows, each mismatched for the other as well.
  std::ofstream(folder / "train-0.jsonl")
      << R"({"prompt":[{"role":"user","content":"Who?"}],"completion":[{"role":"assistant",)"
      << R"("content":"I"}],"label":true})"
      << "\n"
      << R"({"prompt":[{"role":"user","content":"What?"}],"completion":[{"role":"assistant",)"
      << R"("content":"It"}],"label":false})"
      << "\n";
  pairs.port = "feedback";
  Estimate judged;
  estimate_on_pairs(in_float32(), config, {told(model_facts(config, folder)), pairs}, 64,
                    OverLong::kCut, judged);
  EXPECT_EQ(judged.at_most, 0u);
  EXPECT_EQ(*judged.tokens, 2 * *known.tokens + 1) << "a letter more is asked";
  std::filesystem::remove_all(folder);
}

TEST(FineTuning, CountsTheBestWeightsInMemoryAndInEveryCheckpoint) {
  const ModelConfig config = small_config();
  TrainOptions last = in_float32(), best = last;
  best.save = "best";
  best.checkpoint_keep = last.checkpoint_keep = 2;
  const auto weights = 4 * static_cast<double>(config.parameters());
  EXPECT_EQ(memory(best, nullptr) - memory(last, nullptr), weights);
  EXPECT_EQ(disk_bytes(config, best, 1e6) - disk_bytes(config, last, 1e6), 5 * weights);
}

}  // namespace
}  // namespace lehr::lm
