#include "filter_stage.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <random>
#include <utility>

#include "exact_dedup.h"
#include "length.h"
#include "measured_step.h"
#include "normalize.h"
#include "pii.h"
#include "text/documents.h"
#include "text/fake_host.h"

namespace lehr::plugins::filter {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using text::FakeHost;

// Fails as a crash would, at one document, once.
std::atomic<bool> g_fail_at_mark = false;
class FailAtMark : public DocumentStep {
 public:
  void describe(Description&) override {}
  void process(Document& document) override {
    if (document.text().starts_with("MARK") && g_fail_at_mark.exchange(false))
      throw Error("met the mark");
  }
};

class ShortOfMemory : public MeasuredStep {
 public:
  ShortOfMemory() : MeasuredStep("filter.short_of_memory") {}
  void describe(Description&) override {}

 private:
  void judge(std::string_view, Judgement&) override { throw std::bad_alloc(); }
};

class FilterStage : public testing::Test {
 protected:
  FilterStage() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / (std::string("lehr_filter_") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "in");
  }
  ~FilterStage() override { fs::remove_all(folder_); }

  FakeHost host(const std::string& name, int threads, const json& steps,
                std::int64_t commit_every = 1 << 30) {
    return FakeHost(folder_ / name, folder_ / "in",
                    {{"steps", steps}, {"commit_every", commit_every}}, threads);
  }
  static lehr_status run(FakeHost& host) {
    host.add_step("filter.normalize", detail::step_table<Normalize>(borrow("normalize")));
    host.add_step("filter.pii", detail::step_table<Pii>(borrow("pii")));
    host.add_step("filter.length", detail::step_table<Length>(borrow("length")));
    host.add_step("test.mark", detail::step_table<FailAtMark>(borrow("mark")));
    host.add_step("test.memory", detail::step_table<ShortOfMemory>(borrow("memory")));
    return host.run(detail::stage_table<Filter>(borrow("filter")));
  }
  // About 40 MB in five blocks and two files, with rows that steps drop, rewrite and find twice.
  void write_corpus() {
    std::mt19937 random(1);
    text::DocumentWriter train(folder_ / "in"), eval(folder_ / "in", "eval");
    for (int i = 0; i < 40000; ++i) {
      std::string text = (i == 30001 ? "MARK " : i % 3 ? "e\u0301 " : "") + std::to_string(i);
      text.append(random() % 2000, static_cast<char>('a' + random() % 26));
      if (i % 10 == 3) text += " a@example.com, b@example.com and 8.8.8.8";
      if (i % 4 == 1) text += "\nfollow us " + std::to_string(i % 7);
      if (i % 5 == 0) text = "again " + std::to_string(i % 1000);
      (i % 50 == 0 ? eval : train).write({std::to_string(i), text, "{\"n\":1}"});
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

  // All that a run kept.
  static std::string text_of(const FakeHost& host) {
    std::string all;
    for (const auto& entry : fs::directory_iterator(host.output())) {
      if (entry.path().extension() != ".zst") continue;
      text::CompressedFile file(entry.path());
      std::string part(64 << 20, '\0');
      part.resize(file.read(part.data(), part.size()));
      all += part;
    }
    return all;
  }

  fs::path folder_;
  const json all_steps_ = {{{"name", "filter.normalize"}, {"with", json::object()}},
                           {{"name", "filter.pii"}, {"with", json::object()}},
                           {{"name", "filter.exact_dedup"}, {"with", json::object()}},
                           {{"name", "filter.line_dedup"}, {"with", {{"min_line_characters", 2}}}},
                           {{"name", "test.mark"}, {"with", json::object()}},
                           {{"name", "filter.length"}, {"with", {{"min_characters", 200}}}}};
};

TEST_F(FilterStage, CopiesWhatNoStepTouchedByteForByte) {
  std::ofstream(folder_ / "in" / "train-00000.jsonl")
      << "{ \"text\": \"kept as it is\", \"x\":1.0 "
         ",\"id\":\"a\"}\n\n{\"id\":\"b\",\"text\":\"e\u0301\",\"k\":[]}\r\n"
      << "{\"id\":\"c\",\"text\":\"x\"}";
  auto h = host("one", 1,
                {{{"name", "filter.normalize"}, {"with", json::object()}},
                 {{"name", "filter.length"}, {"with", {{"max_characters", 13}}}}});
  ASSERT_EQ(run(h), LEHR_OK) << h.failure;
  EXPECT_EQ(lines_of(h.output() / "train-00000.jsonl.zst"),
            "{ \"text\": \"kept as it is\", \"x\":1.0 ,\"id\":\"a\"}\n"
            "{\"id\":\"b\",\"text\":\"é\",\"k\":[]}\n{\"id\":\"c\",\"text\":\"x\"}\n");
}

// Compressed anew, the lines would be in frames of another length.
TEST_F(FilterStage, CopiesFramesOfWhichNothingChanges) {
  text::FrameCompressor compressor;
  std::string file, lines;
  for (int i = 0; i < 1000; ++i) {
    text::append_document(lines, {std::to_string(i), std::string(200 + i % 9, 'x'), ""});
    if (i % 200 == 199) file += compressor.compress(std::exchange(lines, ""));
  }
  std::ofstream(folder_ / "in" / "train-00000.jsonl.zst", std::ios::binary) << file;
  auto h = host("one", 2, {{{"name", "filter.length"}, {"with", {{"min_characters", 1}}}}});
  ASSERT_EQ(run(h), LEHR_OK) << h.failure;
  EXPECT_TRUE(bytes_of(h.output() / "train-00000.jsonl.zst") == file);
}

TEST_F(FilterStage, GivesTheSameBytesWithAnyNumberOfThreads) {
  write_corpus();
  auto one = host("one", 1, all_steps_), three = host("three", 3, all_steps_);
  ASSERT_EQ(run(one), LEHR_OK) << one.failure;
  ASSERT_EQ(run(three), LEHR_OK) << three.failure;
  EXPECT_EQ(one.contents(), three.contents());
  EXPECT_EQ(one.results, three.results);
  EXPECT_EQ(one.results.at("documents_in"), 40000);
  EXPECT_EQ(one.results.at("replaced/emails"), 2 * 4000);
  EXPECT_EQ(one.results.at("replaced/ips"), 4000);
  EXPECT_FALSE(one.results.contains("replaced/phones")) << "nobody asked for them";
  // "again N" of every fifth document is seen first in the evaluation split.
  EXPECT_EQ(one.results.at("dropped/duplicate"), 8000 - 200);
  EXPECT_EQ(one.results.at("documents_out") + one.results.at("dropped/duplicate") +
                one.results.at("dropped/duplicate_lines") +
                one.results.at("dropped/too_few_characters"),
            40000);
  // Of 8,000 lines "follow us N" only seven stay.
  EXPECT_GT(one.results.at("dropped/duplicate_lines"), 100);
  EXPECT_LT(text_of(one).find("follow us 3"), std::string::npos);
  EXPECT_EQ(text_of(one).find("follow us 3"), text_of(one).rfind("follow us 3"));
}

TEST_F(FilterStage, GoesOnAfterAFailureAndEndsWithTheSameBytes) {
  write_corpus();
  auto whole = host("whole", 2, all_steps_);
  ASSERT_EQ(run(whole), LEHR_OK) << whole.failure;
  g_fail_at_mark = true;
  auto broken = host("broken", 2, all_steps_, 1);
  ASSERT_EQ(run(broken), LEHR_FAILED);
  EXPECT_NE(broken.failure.find("met the mark"), std::string::npos);
  EXPECT_GT(broken.commits, 0);
  auto again = host("broken", 3, all_steps_, 1);
  ASSERT_EQ(run(again), LEHR_OK) << again.failure;
  EXPECT_LT(again.commits, 6);
  EXPECT_EQ(again.contents(), whole.contents());
  EXPECT_EQ(again.results, whole.results);
}

TEST_F(FilterStage, DecidesTheSameWhenWhatItHasSeenGoesToDiskAlsoAfterAStop) {
  write_corpus();
  auto whole = host("whole", 2, all_steps_);
  ASSERT_EQ(run(whole), LEHR_OK) << whole.failure;
  json steps = all_steps_;
  steps[1]["with"]["memory"] = 1 << 16;  // for 40,000 texts
  steps[2]["with"]["memory"] = 1 << 16;
  for (int attempts = 0;; ++attempts) {
    ASSERT_LT(attempts, 100);
    auto little = host("little", 2, steps, 1);
    little.cancel_after = 2 + attempts % 3;
    const lehr_status status = run(little);
    if (status == LEHR_CANCELLED) continue;
    ASSERT_EQ(status, LEHR_OK) << little.failure;
    EXPECT_GT(attempts, 0);
    EXPECT_EQ(little.contents(), whole.contents());
    EXPECT_EQ(little.results, whole.results);
    break;
  }
}

TEST_F(FilterStage, CommitsWhatIsFinishedWhenCancelled) {
  write_corpus();
  auto whole = host("whole", 2, all_steps_);
  ASSERT_EQ(run(whole), LEHR_OK) << whole.failure;
  auto stopped = host("stopped", 2, all_steps_);
  stopped.cancel_after = 2;
  ASSERT_EQ(run(stopped), LEHR_CANCELLED);
  EXPECT_EQ(stopped.commits, 1);
  auto again = host("stopped", 2, all_steps_);
  ASSERT_EQ(run(again), LEHR_OK) << again.failure;
  EXPECT_EQ(again.contents(), whole.contents());
  EXPECT_EQ(again.results, whole.results);
}

TEST_F(FilterStage, NamesTheDocumentForWhichThereIsNotEnoughMemory) {
  text::DocumentWriter writer(folder_ / "in");
  writer.write({"long", "some words", ""});
  writer.close();
  auto h = host("out", 1, {{{"name", "test.memory"}, {"with", json::object()}}});
  EXPECT_EQ(run(h), LEHR_FAILED);
  EXPECT_NE(
      h.failure.find("document 'long': there is not enough memory for its 10 bytes. As a step"),
      std::string::npos)
      << h.failure;
}

TEST_F(FilterStage, NamesFileAndLineOfARowItCannotRead) {
  std::ofstream(folder_ / "in" / "train-00000.jsonl")
      << "{\"id\":\"a\",\"text\":\"x\"}\n{\"text\":\n";
  auto h = host("one", 1, json::array());
  ASSERT_EQ(run(h), LEHR_FAILED);
  EXPECT_NE(h.failure.find("train-00000.jsonl:2: malformed JSON"), std::string::npos);
}

}  // namespace
}  // namespace lehr::plugins::filter
