// Encoding, training and the writing of Megatron's files, stopped wherever they look around, go on
// and end with the same bytes.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "encode_stage.h"
#include "megatron_stage.h"
#include "text/document_weights.h"
#include "text/documents.h"
#include "text/fake_host.h"
#include "text/tokenizer.h"
#include "train_stage.h"

namespace lehr::plugins::tokenizer {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using text::FakeHost;

constexpr int kOften = 1, kNever = 1 << 30;

class TokenizerStages : public testing::Test {
 protected:
  TokenizerStages() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / (std::string("lehr_tokenizer_") + test->name());
    fs::remove_all(folder_);
    for (const char* name : {"documents", "conversations", "tokenizer"})
      fs::create_directories(folder_ / name);
    // 25 MB in two files, five blocks.
    std::mt19937 random(1);
    text::DocumentWriter train(folder_ / "documents"), eval(folder_ / "documents", "eval");
    for (int i = 0; i < 18000; ++i) {
      std::string text;
      for (auto words = random() % 800; words > 0; --words) {
        for (auto letters = random() % 6; letters > 0; --letters)
          text += static_cast<char>('a' + random() % 5);
        text += ' ';
      }
      const std::string weight = R"({"quality": )" + std::to_string(i % 7) + ".5}";
      (i % 50 == 9 ? eval : train).write({std::to_string(i), text, weight});
    }
    train.close();
    eval.close();
    std::ofstream(folder_ / "conversations" / "train-00000.jsonl")
        << R"({"messages":[{"role":"user","content":"zzz"},)"
        << R"({"role":"assistant","content":"zzz zzz"}]})"
        << "\n";
  }
  ~TokenizerStages() override { fs::remove_all(folder_); }

  FakeHost encoding(const std::string& name, int threads, int commit_every, json more = {}) {
    more["commit_every"] = commit_every;
    return FakeHost(folder_ / name, folder_ / "documents", more, threads);
  }
  FakeHost training(const std::string& name, int threads, int commit_every, int memory = 1 << 30) {
    const json parameters = {{"vocab_size", 600},     {"pattern", "cl100k"},
                             {"expression", nullptr}, {"tie_break", "huggingface"},
                             {"memory", memory},      {"commit_every", commit_every}};
    return FakeHost(folder_ / name, folder_ / "documents", parameters, threads);
  }
  // Of 256 bytes and `more` merged pairs.
  void write_tokenizer(std::size_t more) {
    text::WordCounts counts(text::Pattern::gpt2);
    text::DocumentReader reader(text::data_files(folder_ / "documents", "eval"));
    for (text::Document document; reader.next(document);) counts.add(document.text);
    text::BpeOptions options;
    options.vocab_size = 256 + more + 4;
    options.special_tokens = text::chat_special_tokens();
    text::Tokenizer(text::train_bpe(counts.sorted(), text::Pattern::gpt2, options))
        .save(folder_ / "tokenizer");
  }
  template <class S>
  lehr_status run(FakeHost& host) {
    for (const char* port : {"conversations", "tokenizer"}) host.add_input(port, folder_ / port);
    host.add_input("tokens", folder_ / "tokens" / "out");
    return host.run(detail::stage_table<S>(borrow("stage")));
  }

  fs::path folder_;
};

TEST_F(TokenizerStages, EncodeGoesOnWhereverItWasStopped) {
  write_tokenizer(300);
  const json weighted = {{"weight_field", "quality"}};
  auto whole = encoding("whole", 1, kNever, weighted),
       often = encoding("often", 3, kOften, weighted);
  ASSERT_EQ(run<Encode>(whole), LEHR_OK) << whole.failure;
  EXPECT_EQ(whole.commits, 0);
  ASSERT_EQ(run<Encode>(often), LEHR_OK) << often.failure;
  EXPECT_GT(often.commits, 3);
  const auto expected = whole.contents();
  EXPECT_EQ(expected.size(), 10u);  // two shards and their weights, tokens.json, the tokenizer
  EXPECT_EQ(often.contents(), expected);

  for (const int every : {kOften, kNever}) {
    int stops = 0;
    for (lehr_status status = LEHR_CANCELLED; status == LEHR_CANCELLED;) {
      ASSERT_LT(stops, 50);
      auto again = encoding("again" + std::to_string(every), 2, every,
                            every == kOften ? weighted : json::object());
      again.cancel_after = 1 + stops % 2;
      status = run<Encode>(again);
      if (status == LEHR_CANCELLED) {
        ++stops;
        continue;
      }
      ASSERT_EQ(status, LEHR_OK) << again.failure;
      auto contents = again.contents();
      if (every == kNever) {  // without weights: all else is the same
        EXPECT_TRUE(contents.emplace("train.weights", expected.at("train.weights")).second);
        EXPECT_TRUE(contents.emplace("eval.weights", expected.at("eval.weights")).second);
      }
      EXPECT_EQ(contents, expected);
      EXPECT_EQ(again.results, whole.results);
    }
    EXPECT_GT(stops, 1);
  }
}

TEST_F(TokenizerStages, EncodeWritesWeightsBesideTheSameShards) {
  write_tokenizer(0);
  const auto encoded = [&](const std::string& name, const std::vector<std::string>& fields,
                           const json& more) {
    fs::create_directories(folder_ / "weighted");
    text::DocumentWriter train(folder_ / "weighted");
    for (const std::string& field : fields) train.write({"it", "some text", field});
    train.close();
    json all = {{"commit_every", kNever}};
    all.update(more);
    FakeHost host(folder_ / name, folder_ / "weighted", all, 1);
    const lehr_status status = run<Encode>(host);
    EXPECT_EQ(status == LEHR_OK, host.failure.empty()) << host.failure;
    return std::pair{host.contents(), host.failure};
  };
  const std::vector<std::string> fields = {R"({"a":1,"q":2.5})", R"({"q":"0.25"})", R"({"q":0})"};
  const auto plain = encoded("plain", fields, json::object()).first;
  auto weighted = encoded("beside", fields, {{"weight_field", "q"}}).first;
  EXPECT_EQ(text::read_document_weights(folder_ / "beside" / "out", "train", 3),
            (std::vector<float>{2.5f, 0.25f, 0}));
  EXPECT_EQ(weighted.erase("train.weights"), 1u);
  EXPECT_EQ(weighted, plain);
  for (const auto& [field, what] : {std::pair{"", "no member 'q'"},
                                    {R"({"q":-1})", "no such number"},
                                    {R"({"q":"x"})", "no such number"},
                                    {R"({"q":null})", "no such number"}}) {
    const std::string why = encoded("refused", {field}, {{"weight_field", "q"}}).second;
    EXPECT_NE(why.find("weight_field: document 'it' has "), std::string::npos) << why;
    EXPECT_NE(why.find(what), std::string::npos) << why;
  }
}

TEST_F(TokenizerStages, SpecialTokensAreTextUnlessTheyAreToMatch) {
  write_tokenizer(0);
  fs::create_directory(folder_ / "special");
  text::DocumentWriter train(folder_ / "special");
  train.write({"it", "a<|im_end|>b", ""});
  train.close();
  for (const auto& [match, tokens] : {std::pair{false, 13}, {true, 4}}) {
    FakeHost host(folder_ / "encoded", folder_ / "special",
                  {{"commit_every", kNever}, {"match_special_tokens", match}}, 1);
    ASSERT_EQ(run<Encode>(host), LEHR_OK) << host.failure;
    EXPECT_EQ(host.results.at("tokens"), tokens);  // end-of-text among them
  }
}

TEST(TokenizerTrain, RefusesAnExpressionBeforeItRuns) {
  const text::ValueTree good(json{{"expression", "a|b"}}), bad(json{{"expression", "(a"}});
  EXPECT_NO_THROW(detail::bind<Train>(good.root())->check());
  try {
    detail::bind<Train>(bad.root())->check();
    FAIL() << "it would fail when all that comes before has run";
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()).find("expression: '(a' is not a regular expression"), 0u);
  }
}

TEST_F(TokenizerStages, MegatronGoesOnWhereverItWasStopped) {
  write_tokenizer(300);
  auto tokens = encoding("tokens", 2, kNever);
  ASSERT_EQ(run<Encode>(tokens), LEHR_OK) << tokens.failure;
  const auto writing = [&](const std::string& name, int commit_every) {
    return FakeHost(folder_ / name, tokens.output(), {{"commit_every", commit_every}}, 1);
  };
  auto whole = writing("whole", kNever), often = writing("often", kOften);
  ASSERT_EQ(run<Megatron>(whole), LEHR_OK) << whole.failure;
  EXPECT_EQ(whole.commits, 0);
  ASSERT_EQ(run<Megatron>(often), LEHR_OK) << often.failure;
  EXPECT_GT(often.commits, 8);
  const auto expected = whole.contents();
  EXPECT_EQ(expected.count("train.idx") + expected.count("eval.bin"), 2u);
  EXPECT_EQ(often.contents(), expected);

  // Each time for one or two looks around: no attempt has time for a whole file.
  for (const int every : {kOften, kNever}) {
    int stops = 0;
    for (lehr_status status = LEHR_CANCELLED; status == LEHR_CANCELLED; ++stops) {
      ASSERT_LT(stops, 50);
      auto again = writing("again" + std::to_string(every), every);
      again.cancel_after = 1 + stops % 2;
      status = run<Megatron>(again);
      ASSERT_NE(status, LEHR_FAILED) << again.failure;
      if (status != LEHR_OK) continue;
      EXPECT_EQ(again.contents(), expected);
      EXPECT_EQ(again.results, whole.results);
    }
    EXPECT_GT(stops, 8);
  }
}

TEST_F(TokenizerStages, TrainGoesOnWhereverItWasStopped) {
  auto whole = training("whole", 1, kNever), often = training("often", 3, kOften),
       little = training("little", 2, kOften, 1 << 20);
  ASSERT_EQ(run<Train>(whole), LEHR_OK) << whole.failure;
  EXPECT_EQ(whole.commits, 0);
  ASSERT_EQ(run<Train>(often), LEHR_OK) << often.failure;
  EXPECT_GT(often.commits, 2);
  ASSERT_EQ(run<Train>(little), LEHR_OK) << little.failure;
  const auto expected = whole.contents();
  EXPECT_EQ(expected.size(), 3u);
  for (const FakeHost* host : {&often, &little}) {
    EXPECT_EQ(host->contents(), expected);
    EXPECT_EQ(host->results, whole.results);
  }

  // Stopped after every number of looks around, and gone on with: while it counts and while it
  // merges.
  int stops = 0, while_merging = 0;
  for (lehr_status status = LEHR_CANCELLED; status == LEHR_CANCELLED; ++stops) {
    ASSERT_LT(stops, 50);
    const std::string name = "stopped" + std::to_string(stops);
    auto stopped = training(name, 2, stops % 2 == 0 ? kOften : kNever);
    stopped.cancel_after = stops;
    status = run<Train>(stopped);
    ASSERT_NE(status, LEHR_FAILED) << stopped.failure;
    if (status != LEHR_CANCELLED) break;
    const bool merging = fs::exists(folder_ / name / "state" / "all-words");
    while_merging += merging;
    auto again = training(name, 2, kNever);
    ASSERT_EQ(run<Train>(again), LEHR_OK) << again.failure;
    EXPECT_EQ(again.contents(), expected) << "after " << stops;
    EXPECT_EQ(again.results, whole.results) << "after " << stops;
    EXPECT_EQ(again.commits, 0);
  }
  EXPECT_GT(while_merging, 1);
  EXPECT_GT(stops - while_merging, 4);
}

// What is counted is not read again: the documents may be gone.
TEST_F(TokenizerStages, TrainStoppedWhileItMergesDoesNotCountAgain) {
  auto whole = training("whole", 2, kNever);
  ASSERT_EQ(run<Train>(whole), LEHR_OK) << whole.failure;
  for (int looks = 0;; ++looks) {
    ASSERT_LT(looks, 50);
    auto stopped = training("again", 2, kNever);
    stopped.cancel_after = looks;
    ASSERT_EQ(run<Train>(stopped), LEHR_CANCELLED) << stopped.failure;
    if (fs::exists(folder_ / "again" / "state" / "all-words")) break;
    fs::remove_all(folder_ / "again");
  }
  fs::remove(folder_ / "documents" / "train-00000.jsonl.zst");
  auto again = training("again", 2, kNever);
  ASSERT_EQ(run<Train>(again), LEHR_OK) << again.failure;
  EXPECT_EQ(again.contents(), whole.contents());
}

}  // namespace
}  // namespace lehr::plugins::tokenizer
