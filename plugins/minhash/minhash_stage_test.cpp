#include "minhash_stage.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <utility>

#include "text/documents.h"
#include "text/fake_host.h"

namespace lehr::plugins::minhash {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using text::FakeHost;

class MinhashStage : public testing::Test {
 protected:
  MinhashStage() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / (std::string("lehr_minhash_") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "in");
  }
  ~MinhashStage() override { fs::remove_all(folder_); }

  FakeHost host(const std::string& name, int threads, json parameters = json::object()) {
    const json defaults = {{"bands", 14},
                           {"rows", 8},
                           {"shingle_unit", "words"},
                           {"shingle_size", 5},
                           {"word_splitter", "uax29"},
                           {"hash", "fast"},
                           {"memory", 1 << 30},
                           {"commit_every", 1 << 30}};
    json all = defaults;
    all.update(parameters);
    return FakeHost(folder_ / name, folder_ / "in", all, threads);
  }
  static lehr_status run(FakeHost& host) {
    return host.run(detail::stage_table<Minhash>(borrow("minhash")));
  }
  // 30 MB in two files: every tenth document is an earlier one with a word changed.
  void write_corpus() {
    std::mt19937 random(1);
    text::DocumentWriter train(folder_ / "in"), eval(folder_ / "in", "eval");
    std::vector<std::string> earlier;
    for (int i = 0; i < 12000; ++i) {
      std::string text;
      if (i % 10 == 9) {
        text = earlier[random() % earlier.size()];
        text.replace(random() % text.size(), 1, "q");
      } else {
        const int words = 300 + static_cast<int>(random() % 100);
        for (int w = 0; w < words; ++w) {  // of letters: numbers are all alike
          for (auto left = random() % 50000 + 1; left > 0; left /= 26)
            text += static_cast<char>('a' + left % 26);
          text += ' ';
        }
        earlier.push_back(text);
      }
      (i % 50 == 9 ? eval : train).write({std::to_string(i), text, "{\"n\":1}"});
    }
    train.close();
    eval.close();
  }
  static std::string bytes_of(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::string lines_of(const fs::path& path) {
    text::CompressedFile file(path);
    std::string out(1 << 20, '\0');
    out.resize(file.read(out.data(), out.size()));
    return out;
  }

  fs::path folder_;
};

constexpr const char* kFox = "The quick brown fox jumps over the lazy dog, and then it sleeps.";

TEST_F(MinhashStage, KeepsTheFirstOfEachClusterAndEvaluationBeforeTraining) {
  std::ofstream(folder_ / "in" / "train-00000.jsonl")
      << "\xef\xbb\xbf{ \"id\":\"t0\",\"text\":\"" << kFox << "\", \"k\":[1] }\r\n\n \t\n"
      << "{\"id\":\"t1\",\"text\":\"too short\"}\n{\"id\":\"t2\",\"text\":\"too short\"}\n"
      << "{\"id\":\"t3\",\"text\":\"one two three four five six seven eight\"}\n"
      << "{\"id\":\"t4\",\"text\":\"One two, three four five six seven EIGHT!\"}";
  std::ofstream(folder_ / "in" / "eval-00000.jsonl")
      << "{\"id\":\"e0\",\"text\":\"something else that is long enough to count\"}\n"
      << "{\"id\":\"e1\",\"text\":\"the quick brown fox jumps over the lazy dog and then it "
         "sleeps\"}\n";
  auto h = host("one", 2);
  ASSERT_EQ(run(h), LEHR_OK) << h.failure;
  EXPECT_EQ(lines_of(h.output() / "train-00000.jsonl.zst"),
            "{\"id\":\"t1\",\"text\":\"too short\"}\n{\"id\":\"t2\",\"text\":\"too short\"}\n"
            "{\"id\":\"t3\",\"text\":\"one two three four five six seven eight\"}\n");
  EXPECT_EQ(lines_of(h.output() / "eval-00000.jsonl.zst"),
            bytes_of(folder_ / "in" / "eval-00000.jsonl"));
  EXPECT_EQ(h.results, (std::map<std::string, double>{{"documents_in", 7},
                                                      {"documents_out", 5},
                                                      {"bytes_in", 267},
                                                      {"bytes_out", 162},
                                                      {"clusters", 2},
                                                      {"dropped/near_duplicate", 2},
                                                      {"largest_cluster", 2},
                                                      {"without_shingles", 2},
                                                      {"clusters_of/2", 2}}));
  ASSERT_EQ(h.messages.size(), 4u);
  EXPECT_EQ(h.messages[0], "2 clusters of 2 documents");
  EXPECT_EQ(
      h.messages[1],
      "a cluster of 2 documents\n  kept e1: \"the quick brown fox jumps over the lazy dog and "
      "then it sleeps\"\n  dropped t0: \"The quick brown fox jumps over the lazy dog, and "
      "then it sleeps.\"");
}

// Compressed anew, the lines would be in frames of another length.
TEST_F(MinhashStage, CopiesFramesOfWhichNothingIsDropped) {
  text::FrameCompressor compressor;
  std::string file, lines;
  for (int i = 0; i < 1000; ++i) {
    text::append_document(lines, {std::to_string(i), std::string(200 + i % 9, 'x'), ""});
    if (i % 200 == 199) file += compressor.compress(std::exchange(lines, ""));
  }
  std::ofstream(folder_ / "in" / "train-00000.jsonl.zst", std::ios::binary) << file;
  auto h = host("one", 2);
  ASSERT_EQ(run(h), LEHR_OK) << h.failure;
  EXPECT_TRUE(bytes_of(h.output() / "train-00000.jsonl.zst") == file);
}

TEST_F(MinhashStage, GivesTheSameBytesWithAnyThreadsMemoryAndRuns) {
  write_corpus();
  auto one = host("one", 1),
       three = host("three", 3, {{"memory", 1 << 20}, {"commit_every", 1 << 20}});
  ASSERT_EQ(run(one), LEHR_OK) << one.failure;
  ASSERT_EQ(run(three), LEHR_OK) << three.failure;
  EXPECT_GT(three.commits, one.commits + 3);
  EXPECT_EQ(one.contents(), three.contents());
  EXPECT_EQ(one.results, three.results);
  EXPECT_EQ(one.messages, three.messages);
  EXPECT_EQ(one.results.at("documents_in"), 12000);
  EXPECT_EQ(one.results.at("dropped/near_duplicate"), 1200);
}

TEST_F(MinhashStage, GoesOnWhereverItWasStoppedAndEndsWithTheSameBytes) {
  write_corpus();
  auto whole = host("whole", 2);
  ASSERT_EQ(run(whole), LEHR_OK) << whole.failure;
  int stops = 0;
  for (int attempts = 0;; ++attempts) {
    ASSERT_LT(attempts, 100);
    auto again = host("again", 2, {{"memory", 1 << 20}, {"commit_every", 1}});
    again.cancel_after = 2 + attempts % 3;
    const lehr_status status = run(again);
    if (status == LEHR_CANCELLED) {
      ++stops;
      continue;
    }
    ASSERT_EQ(status, LEHR_OK) << again.failure;
    EXPECT_EQ(again.contents(), whole.contents());
    EXPECT_EQ(again.results, whole.results);
    EXPECT_EQ(again.messages, whole.messages);
    break;
  }
  EXPECT_GT(stops, 3);
}

TEST_F(MinhashStage, RefusesMoreHashesThanAreSensible) {
  auto h = host("one", 1, {{"bands", 1024}, {"rows", 1024}});
  ASSERT_EQ(run(h), LEHR_FAILED);
  EXPECT_EQ(h.failure, "bands 1024 times rows 1024 are more than 4096 hashes");
}

}  // namespace
}  // namespace lehr::plugins::minhash
