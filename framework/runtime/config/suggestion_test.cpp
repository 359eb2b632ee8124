#include "runtime/config/suggestion.h"

#include <gtest/gtest.h>

namespace lehr::runtime {
namespace {

TEST(Suggestion, FindsSlips) {
  const std::vector<std::string> known = {"context", "vocab_size", "beta", "tokenizer.train"};
  EXPECT_EQ(nearest_name("contxet", known), "context");  // swapped neighbours are one edit
  EXPECT_EQ(nearest_name("Beta", known), "beta");
  EXPECT_EQ(nearest_name("vocab-size", known), "vocab_size");
  EXPECT_EQ(nearest_name("vocab", known), "vocab_size");
  EXPECT_EQ(nearest_name("train", known), "tokenizer.train");
  EXPECT_EQ(nearest_name("vs", known), "vocab_size");
}

TEST(Suggestion, DoesNotGuessWildly) {
  EXPECT_EQ(nearest_name("xyz", {"context", "beta"}), "");
  EXPECT_EQ(nearest_name("", {"a"}), "");
  EXPECT_EQ(suggestion("xyz", {"context", "beta"}), " It can be 'context' or 'beta'.");
  EXPECT_EQ(suggestion("xyz", {"context", "beta"}, 1), "");
}

}  // namespace
}  // namespace lehr::runtime
