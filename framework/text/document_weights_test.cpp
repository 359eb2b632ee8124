#include "text/document_weights.h"

#include <gtest/gtest.h>
#include <lehr/value.h>

#include <fstream>
#include <limits>

namespace lehr::text {
namespace {

class DocumentWeights : public testing::Test {
 protected:
  DocumentWeights() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~DocumentWeights() override { std::filesystem::remove_all(folder_); }
  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / "lehr_document_weights";
};

TEST_F(DocumentWeights, AreReadAsTheyWereWrittenAndGoneOnWith) {
  const std::vector<float> all = {0, 0.5f, 1, 3e4f, 7};
  DocumentWeightWriter first(folder_, "train", 0);
  first.add(std::span(all).first(4));
  first.flush();
  DocumentWeightWriter second(folder_, "train", 2);
  second.add(std::span(all).subspan(2));
  second.flush();
  EXPECT_EQ(read_document_weights(folder_, "train", 5), all);
  EXPECT_THROW(read_document_weights(folder_, "train", 4), Error);
  EXPECT_THROW(DocumentWeightWriter(folder_, "train", 6), Error);
}

TEST_F(DocumentWeights, AreNoneWithoutDocuments) {
  DocumentWeightWriter(folder_, "eval", 0).flush();
  EXPECT_FALSE(has_document_weights(folder_, "eval"));
  EXPECT_TRUE(read_document_weights(folder_, "eval", 9).empty());
}

TEST_F(DocumentWeights, AreNumbersOfZeroOrMore) {
  for (const float bad :
       {-1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    DocumentWeightWriter writer(folder_, "train", 0);
    writer.add(std::vector<float>{1, bad});
    writer.flush();
    EXPECT_THROW(read_document_weights(folder_, "train", 2), Error);
    std::filesystem::remove(folder_ / "train.weights");
  }
}

}  // namespace
}  // namespace lehr::text
