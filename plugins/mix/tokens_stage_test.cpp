#include "tokens_stage.h"

#include <gtest/gtest.h>

#include <random>

#include "text/document_weights.h"
#include "text/fake_host.h"
#include "text/token_shards.h"
#include "text/tokenizer.h"

namespace lehr::plugins::mix {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using text::FakeHost;

class MixTokens : public testing::Test {
 protected:
  MixTokens() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / (std::string("lehr_mix_tokens_") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "in");
    // Bytes alone, and 30,000 documents of 20 of them, to be mixed 1.5 times.
    text::BpeOptions options;
    options.vocab_size = 260;
    options.special_tokens = text::chat_special_tokens();
    const text::Tokenizer tokenizer(text::train_bpe({}, text::Pattern::gpt2, options));
    tokenizer.save(folder_ / "in");
    std::mt19937 random(1);
    const auto write = [&](const char* split, int documents) {
      text::TokenShardWriter writer(folder_ / "in", split, tokenizer.vocab_size());
      text::DocumentWeightWriter weights(folder_ / "in", split, 0);
      for (; documents > 0; --documents) {
        std::vector<text::TokenId> ids(1 + random() % 40);
        for (auto& id : ids) id = static_cast<text::TokenId>(random() % tokenizer.vocab_size());
        writer.add(ids, ids.size());
        weights.add(std::vector<float>{static_cast<float>(ids.front())});
      }
      weights.flush();
      return writer.finish();
    };
    const auto train = write("train", 30000);
    text::write_tokens_json(folder_ / "in", tokenizer.vocab_size(), train, write("eval", 9000));
  }
  ~MixTokens() override { fs::remove_all(folder_); }

  FakeHost host(const std::string& name, const json& parameters = json::object()) {
    json all = {{"sources", json::array()}, {"total", 900000},
                {"shuffle", true},          {"shards", 3},
                {"memory", 1 << 30},        {"commit_every", 1 << 30}};
    all["sources"].push_back({{"from", ""}, {"weight", 1.0}, {"max_epochs", 2.0}});
    all.update(parameters);
    return FakeHost(folder_ / name, folder_ / "in", all, 1);
  }
  lehr_status run(FakeHost& host) const {
    host.add_input("tokens", folder_ / "in");
    return host.run(detail::stage_table<Tokens>(borrow("tokens")));
  }

  fs::path folder_;
};

// Stopped after every number of looks around, and gone on with: while it sorts, merges and copies
// what is held out.
TEST_F(MixTokens, GoOnWhereverTheyWereStoppedAndEndWithTheSameBytes) {
  auto whole = host("whole");
  ASSERT_EQ(run(whole), LEHR_OK) << whole.failure;
  EXPECT_EQ(whole.contents().count("train-00002.bin"), 1u);
  int stops = 0, while_writing = 0;
  for (;; ++stops) {
    ASSERT_LT(stops, 100);
    const std::string name = "stopped" + std::to_string(stops);
    auto stopped = host(name, {{"memory", 1 << 20}});
    stopped.cancel_after = stops;
    const lehr_status status = run(stopped);
    if (status == LEHR_OK) break;
    ASSERT_EQ(status, LEHR_CANCELLED) << stopped.failure;
    const bool writing = fs::exists(folder_ / name / "out" / "train-00000.bin");
    while_writing += writing;
    auto again = host(name, {{"memory", 1 << 20}});
    ASSERT_EQ(run(again), LEHR_OK) << again.failure;
    EXPECT_EQ(again.contents(), whole.contents()) << stops;
    EXPECT_EQ(again.results, whole.results) << stops;
  }
  EXPECT_GT(while_writing, 10);
  EXPECT_GT(stops - while_writing, 5);
}

// No attempt has time for more than a part of a pass: each must go on where the one before it was.
TEST_F(MixTokens, AreStoppedAgainAndAgainAndEndWithTheSameBytes) {
  auto whole = host("whole");
  ASSERT_EQ(run(whole), LEHR_OK) << whole.failure;
  int stops = 0;
  for (lehr_status status = LEHR_CANCELLED; status == LEHR_CANCELLED; ++stops) {
    ASSERT_LT(stops, 200);
    auto again = host("again", {{"memory", 1 << 20}, {"commit_every", 1 << 19}});
    again.cancel_after = 1 + stops % 2;
    status = run(again);
    ASSERT_NE(status, LEHR_FAILED) << again.failure;
    if (status != LEHR_OK) continue;
    EXPECT_EQ(again.contents(), whole.contents());
    EXPECT_EQ(again.results, whole.results);
  }
  EXPECT_GT(stops, 6);
}

// Of every document its first token, in the fixture.
TEST_F(MixTokens, CarryTheWeightsOfDocumentsAndMakeNone) {
  auto weighted = host("weighted");
  ASSERT_EQ(run(weighted), LEHR_OK) << weighted.failure;
  for (const char* split : {"train", "eval"}) {
    const text::TokenShards shards(weighted.output(), split);
    const auto weights = text::read_document_weights(weighted.output(), split, shards.documents());
    ASSERT_EQ(weights.size(), shards.documents());
    std::uint64_t begin = 0;
    for (std::uint64_t d = 0; d < shards.documents(); ++d) {
      text::TokenId first = 0;
      shards.read(begin, std::span(&first, 1));
      ASSERT_EQ(weights[d], static_cast<float>(first)) << split << d;
      begin = shards.document_end(d);
    }
  }
  for (const char* split : {"train", "eval"})
    fs::remove(folder_ / "in" / (std::string(split) + ".weights"));
  auto plain = host("plain");
  ASSERT_EQ(run(plain), LEHR_OK) << plain.failure;
  auto rest = weighted.contents();
  EXPECT_EQ(rest.erase("train.weights") + rest.erase("eval.weights"), 2u);
  EXPECT_EQ(plain.contents(), rest);
}

}  // namespace
}  // namespace lehr::plugins::mix
