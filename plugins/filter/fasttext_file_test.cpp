// Models that fastText itself has trained are taken; those that say what cannot be are not, before
// fastText sees them.
#include "fasttext_file.h"

#include <fasttext/fasttext.h>
#include <gtest/gtest.h>
#include <lehr/value.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "language.h"
#include "verdict_on.h"

namespace lehr::plugins::filter {
namespace {

namespace fs = std::filesystem;
using fasttext::loss_name;

// Places in a file.
constexpr std::size_t kVersion = 4, kDim = 8, kWordNgrams = 28, kLoss = 32, kModel = 36,
                      kBucket = 40, kMinn = 44, kMaxn = 48, kEntries = 64, kWords = 68,
                      kLabels = 72, kMoved = 84, kFirstEntry = 92;

class FasttextFile : public testing::Test {
 protected:
  FasttextFile() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / (std::string("lehr_fasttext_") + test->name());
    fs::create_directories(folder_);
    std::ofstream texts(folder_ / "texts");
    for (int i = 0; i < 200; ++i)
      texts << (i % 3 != 0 ? "__label__en the a of\n" : "__label__de der ein von\n");
  }
  ~FasttextFile() override { fs::remove_all(folder_); }

  // The bytes of a model. cut: quantized, with so many rows; 0: not quantized.
  std::string train(loss_name loss, int word_ngrams = 1, std::size_t cut = 0, bool norms = false) {
    fasttext::Args args;
    args.input = (folder_ / "texts").string();
    args.model = fasttext::model_name::sup;
    args.loss = loss;
    args.dim = 3;
    args.bucket = 400;
    args.minn = 1;
    args.maxn = 2;
    args.lr = 0.5;
    args.wordNgrams = word_ngrams;
    args.minCount = 1;
    args.epoch = args.thread = 1;
    args.verbose = 0;
    fasttext::FastText model;
    model.train(args);
    if (cut > 0) {
      args.cutoff = cut;
      args.qnorm = norms;
      args.dsub = 2;
      model.quantize(args);
    }
    model.saveModel(model_path());
    std::ifstream in(model_path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string model_path() const { return (folder_ / "model").string(); }

  static std::string refusal(const std::string& bytes) {
    std::istringstream in(bytes);
    try {
      check_fasttext_file(in, bytes.size());
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }
  template <class T>
  static std::string with(std::string bytes, std::size_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
    return bytes;
  }

  fs::path folder_;
};

TEST_F(FasttextFile, OfEveryKindOfTrainingIsTaken) {
  for (const auto loss : {loss_name::hs, loss_name::ns, loss_name::softmax, loss_name::ova}) {
    EXPECT_EQ(refusal(train(loss)), "");
    EXPECT_EQ(refusal(train(loss, 2)), "");
    for (const std::size_t cut : {std::size_t{300}, std::size_t{100000}})
      for (const bool norms : {true, false})
        EXPECT_EQ(refusal(train(loss, 1, cut, norms)), "") << cut;
  }
}

TEST_F(FasttextFile, TellsLanguages) {
  train(loss_name::softmax);
  const auto verdict = [&](const char* text) {
    return verdict_on<Language>(
        text, {{"model", model_path()}, {"languages", {"en"}}, {"min_score", 0.5}});
  };
  EXPECT_EQ(verdict("the of a"), "");
  EXPECT_EQ(verdict("der von ein"), "language");
}

TEST_F(FasttextFile, SaysWhichLanguagesItHas) {
  train(loss_name::softmax);
  try {
    verdict_on<Language>("the", {{"model", model_path()}, {"languages", {"en", "english"}}});
    FAIL() << "no document could ever be English";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("has no label 'english'. It has "), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("en"), std::string::npos) << e.what();
  }
}

TEST_F(FasttextFile, IsRefusedWhereItEndsTooEarly) {
  for (const std::string& whole : {train(loss_name::hs, 2), train(loss_name::ova, 1, 300, true)})
    for (std::size_t size = 0; size < whole.size(); ++size)
      ASSERT_NE(refusal(whole.substr(0, size)), "") << size;
}

TEST_F(FasttextFile, IsRefusedWithArgumentsThatCannotBe) {
  const std::string good = train(loss_name::softmax);
  EXPECT_EQ(refusal(with(good, 0, 1)), "it does not begin as one");
  EXPECT_EQ(refusal(with(good, kVersion, 13)), "it is of version 13");
  EXPECT_EQ(refusal(with(good, kModel, 2)), "it has no labels");
  EXPECT_EQ(refusal(with(good, kBucket, 0)), "bucket is 0, not 1 to 2147483647");  // h % bucket
  EXPECT_EQ(refusal(with(good, kMaxn, -1)), "maxn is -1, not 0 to 100");  // as unsigned: all
  EXPECT_NE(refusal(with(good, kMinn, -1)), "");
  EXPECT_NE(refusal(with(good, kWordNgrams, 1 << 30)), "");
  EXPECT_NE(refusal(with(good, kLoss, 5)), "");
  EXPECT_NE(refusal(with(good, kDim, 1 << 24)), "");
  EXPECT_EQ(refusal(with(good, kDim, 4)), "a matrix has 3 columns, not 4");
}

TEST_F(FasttextFile, IsRefusedWithWordsWithoutRows) {
  const std::string good = train(loss_name::softmax);
  const std::string more = refusal(with(good, kBucket, 500));
  EXPECT_EQ(more, "its matrix has fewer rows than its words and buckets");
  EXPECT_EQ(refusal(with(with(good, kBucket, 0), kMaxn, 0)), "") << "nothing is hashed";
  EXPECT_NE(refusal(with(good, kEntries, 8)), "");
  EXPECT_NE(refusal(with(with(good, kWords, 8), kLabels, 1)), "") << "a label among the words";
  EXPECT_NE(refusal(with(with(good, kWords, 9), kLabels, 0)), "");
  EXPECT_NE(refusal(with(good, kMoved, std::int64_t{1} << 60)), "");
}

TEST_F(FasttextFile, IsRefusedWithNumbersThatAddUpToNone) {
  const std::string good = train(loss_name::ova, 1, 300);
  for (const float number : {std::nanf(""), HUGE_VALF, 1e30f})
    EXPECT_EQ(refusal(with(good, good.size() - 4, number)),
              "a number of its matrices is not finite, or beyond a million");
}

// With counts in another order, or beyond what stands for infinity, the tree of labels is a chain
// or has a circle.
TEST_F(FasttextFile, IsRefusedWithATreeThatCannotBe) {
  const std::string good = train(loss_name::hs);
  const std::size_t label = good.find("__label__en") + std::strlen("__label__en") + 1;
  ASSERT_GT(label, kFirstEntry);
  for (const std::int64_t count : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{5},
                                   std::int64_t{1} << 50, std::int64_t{1} << 62})
    EXPECT_EQ(refusal(with(good, label, count)),
              "its labels are not in the order of how often they come");
  EXPECT_EQ(refusal(with(train(loss_name::softmax), label, std::int64_t{5})), "");
}

}  // namespace
}  // namespace lehr::plugins::filter
