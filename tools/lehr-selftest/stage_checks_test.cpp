// Each check of what stages give is handed something wrong, and sees it.
#include "stage_checks.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <numbers>

#include "lm/byte_model_test.h"
#include "lm/small_model.h"
#include "text/chat_rows.h"
#include "text/json_lines.h"

namespace lehr::selftest {
namespace {

namespace fs = std::filesystem;

class StageChecks : public testing::Test {
 protected:
  fs::path folder(const std::string& name) const {
    const fs::path path = root_ / name;
    fs::create_directories(path);
    return path;
  }
  // The small model, one weight of it changed.
  fs::path model(const std::string& name, double change) const {
    const lm::Model model = lm::Model::create(lm::small_config(), 7, lm::Precision::kFp32);
    model.parameter("model.norm.weight").add_(change);
    model.save(folder(name));
    return folder(name);
  }
  void TearDown() override { fs::remove_all(root_); }

  const fs::path root_ = fs::path(testing::TempDir()) / "selftest_stage_checks";
};

TEST_F(StageChecks, AnUpdateMadeInPartsMustBeTheUpdate) {
  const fs::path start = model("start", 0), whole = model("whole", 0.01),
                 other = model("other", 0.0101);
  const Metrics told = {{"loss", 5.0}, {"grad_norm", 2.0}, {"num_tokens", 100}};
  EXPECT_EQ(update_difference(start, {whole, told}, {whole, told}).difference, 0);
  EXPECT_NEAR(update_difference(start, {whole, told}, {other, told}).difference, 0.01, 1e-3);
  Metrics mean_of_means = told;
  mean_of_means["loss"] = 5.01;
  EXPECT_NEAR(update_difference(start, {whole, told}, {whole, mean_of_means}).difference, 2e-3,
              1e-4);
  Metrics fewer = told;
  fewer["num_tokens"] = 99;
  EXPECT_THROW(update_difference(start, {whole, told}, {whole, fewer}), std::runtime_error);
  EXPECT_THROW(update_difference(start, {start, told}, {start, told}), std::runtime_error)
      << "no weight has changed";
}

TEST_F(StageChecks, TheFirstStepsOfDpoAndPpoAreKnown) {
  EXPECT_EQ(dpo_difference({{"loss", std::numbers::ln2}}).difference, 0);
  EXPECT_GT(dpo_difference({{"loss", 0.69315}}).difference, 1e-6);
  EXPECT_THROW(dpo_difference({{"rewards/margins", 0}}), std::runtime_error);
  const Metrics first = {{"val/ratio", 1}, {"val/ratio_var", 0}, {"objective/kl", 0}};
  EXPECT_EQ(ppo_difference(first).difference, 0);
  for (const auto& [name, value] : first) {
    Metrics wrong = first;
    wrong[name] = value + 1e-9;
    EXPECT_GT(ppo_difference(wrong).difference, 0) << name;
    wrong[name] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_FALSE(ppo_difference(wrong).difference <= 0) << name;
  }
}

TEST_F(StageChecks, AnExportedModelIsTheModel) {
  const auto load = [](const fs::path& from) {
    return lm::Model::load(from, lm::Precision::kFp32);
  };
  const lm::Model native = load(model("native", 0));
  EXPECT_EQ(export_difference(native, load(model("same", 0)), "a folder").difference, 0);
  const Measure other = export_difference(native, load(model("other", 1e-3)), "a folder");
  EXPECT_GT(other.difference, 1e-5);
  EXPECT_EQ(other.where, "the logits of a folder");
}

TEST_F(StageChecks, TrainingAndChatWriteTheSame) {
  const fs::path rows = folder("rows") / "conversations.jsonl";
  text::JsonLinesWriter writer(rows);
  writer.write(text::to_json(text::Conversation{
      {{"user", "aab"}, {"assistant", "b"}, {"user", "<|im_end|>"}, {"assistant", "aab"}}}));
  writer.close();
  const text::Tokenizer bytes = lm::byte_tokenizer();
  EXPECT_EQ(template_difference(bytes, bytes, rows, "a folder").difference, 0);

  text::BpeOptions options;
  options.special_tokens = text::chat_special_tokens();
  options.vocab_size = 257 + options.special_tokens.size();
  const text::Tokenizer merging(text::train_bpe({{"aab", 9}}, text::Pattern::gpt2, options));
  const Measure other = template_difference(bytes, merging, rows, "a folder");
  EXPECT_EQ(other.difference, 1);
  EXPECT_EQ(other.where, "conversation 1 has other tokens in a folder");
}

TEST_F(StageChecks, AResumedTrainingHasTheSameFiles) {
  const auto write = [&](const std::string& name, const std::string& file, const char* text) {
    std::ofstream(folder(name) / file) << text;
  };
  write("one", "model", "abc");
  write("same", "model", "abc");
  write("other", "model", "abd");
  write("more", "model", "abc");
  write("more", "time", "now");
  EXPECT_EQ(files_difference(folder("one"), folder("same")).difference, 0);
  EXPECT_EQ(files_difference(folder("one"), folder("other")).where, "model");
  EXPECT_EQ(files_difference(folder("one"), folder("more")).difference, 1);
  EXPECT_EQ(files_difference(folder("more"), folder("one")).where, "time");
  EXPECT_THROW(files_difference(folder("none"), folder("none")), std::runtime_error);
}

}  // namespace
}  // namespace lehr::selftest
