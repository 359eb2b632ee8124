#include "runtime/store/lineage.h"

#include <gtest/gtest.h>

namespace lehr::runtime {
namespace {

TEST(Lineage, KnowsWhatAnInputCameFromWhateverItsKeySays) {
  StageResult result;
  result.key_parts = {{"code.p", "in.x"},
                      {"in.documents[0]", "d1"},            // a port that takes one artifact
                      {"in.models[0]", "dpo@beta=0.1 d2"},  // a list, told apart by its labels
                      {"in.tokens[0]", "d3"}};              // nobody noted what made it
  result.inputs_from = {{"in.documents[0]", "clean"}};
  const auto inputs = inputs_of(StageResult::parse(result.to_json().dump()));
  ASSERT_EQ(inputs.size(), 3u);
  EXPECT_EQ(inputs[0].port + "|" + inputs[0].from + "|" + inputs[0].digest, "documents|clean|d1");
  EXPECT_EQ(inputs[1].port + "|" + inputs[1].from + "|" + inputs[1].digest,
            "models|dpo@beta=0.1|d2");
  EXPECT_EQ(inputs[2].port + "|" + inputs[2].from + "|" + inputs[2].digest, "tokens||d3");
}

}  // namespace
}  // namespace lehr::runtime
