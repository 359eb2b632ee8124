#include "documents_stage.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "text/documents.h"
#include "text/fake_host.h"

namespace lehr::plugins::mix {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using text::FakeHost;

class MixDocuments : public testing::Test {
 protected:
  MixDocuments() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / (std::string("lehr_mix_") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "in");
    // 30 MB in two files, to be mixed 1.5 times.
    std::mt19937 random(1);
    text::DocumentWriter train(folder_ / "in"), eval(folder_ / "in", "eval");
    for (int i = 0; i < 30000; ++i) {
      std::string text = std::to_string(i) + " ";
      for (auto letters = random() % 2000; letters > 0; --letters)
        text += static_cast<char>('a' + random() % 26);
      (i % 50 == 9 ? eval : train).write({std::to_string(i), text, "{\"n\":1}"});
    }
    train.close();
    eval.close();
  }
  ~MixDocuments() override { fs::remove_all(folder_); }

  FakeHost host(const std::string& name, int threads, const json& parameters = json::object()) {
    json all = {{"sources", json::array()}, {"total", 45000000},
                {"shuffle", true},          {"shards", 3},
                {"memory", 1 << 30},        {"commit_every", 1 << 30},
                {"shard_bytes", 1 << 30}};
    all["sources"].push_back({{"from", ""}, {"weight", 1.0}, {"max_epochs", 2.0}});
    all.update(parameters);
    return FakeHost(folder_ / name, folder_ / "in", all, threads);
  }
  static lehr_status run(FakeHost& host) {
    return host.run(detail::stage_table<Documents>(borrow("documents")));
  }

  fs::path folder_;
};

TEST_F(MixDocuments, AreTheSameBytesWithAnyThreadsMemoryAndCommits) {
  auto one = host("one", 1), three = host("three", 3, {{"memory", 1 << 20}, {"commit_every", 1}});
  ASSERT_EQ(run(one), LEHR_OK) << one.failure;
  ASSERT_EQ(run(three), LEHR_OK) << three.failure;
  EXPECT_EQ(one.contents().size(), 5u);  // three shards, what is held out, the summary
  EXPECT_EQ(one.contents(), three.contents());
  EXPECT_EQ(one.results, three.results);
  EXPECT_GT(three.commits, 10);
}

TEST_F(MixDocuments, OfASourceThatComesAThousandTimesTakeTheirMemoryOnly) {
  for (const char* split : {"train", "eval"})
    fs::remove(folder_ / "in" / (std::string(split) + "-00000.jsonl.zst"));
  text::DocumentWriter train(folder_ / "in");
  for (int i = 0; i < 50; ++i) train.write({std::to_string(i), std::to_string(i) + " words", ""});
  train.close();
  const json often = {{"from", ""}, {"weight", 1.0}, {"max_epochs", 1e6}};
  const auto with = [&](const char* name, int memory) {
    json parameters = {{"memory", memory}, {"total", 400000}};
    parameters["sources"].push_back(often);
    return host(name, 2, parameters);
  };
  auto plenty = with("plenty", 1 << 30), little = with("little", 1 << 17);
  ASSERT_EQ(run(plenty), LEHR_OK) << plenty.failure;
  ASSERT_EQ(run(little), LEHR_OK) << little.failure;
  EXPECT_EQ(plenty.contents(), little.contents());
  EXPECT_GT(plenty.results.at("documents"), 40000);
  std::size_t runs = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "little" / "state")) {
    const bool run =
        entry.path().filename().string().starts_with("run-") && entry.is_regular_file();
    runs += run;
    if (run) {
      EXPECT_LE(entry.file_size(), 1u << 17);
    }
  }
  EXPECT_GT(runs, 10u);
}

TEST_F(MixDocuments, GoOnWhereverTheyWereStoppedAndEndWithTheSameBytes) {
  auto whole = host("whole", 2);
  ASSERT_EQ(run(whole), LEHR_OK) << whole.failure;
  int stops = 0;
  for (int attempts = 0;; ++attempts) {
    ASSERT_LT(attempts, 100);
    auto again = host("again", 2, {{"memory", 8 << 20}, {"commit_every", 1}});
    again.cancel_after = 2 + attempts % 3;
    const lehr_status status = run(again);
    if (status == LEHR_CANCELLED) {
      ++stops;
      continue;
    }
    ASSERT_EQ(status, LEHR_OK) << again.failure;
    EXPECT_EQ(again.contents(), whole.contents());
    EXPECT_EQ(again.results, whole.results);
    break;
  }
  EXPECT_GT(stops, 5);
}

}  // namespace
}  // namespace lehr::plugins::mix
