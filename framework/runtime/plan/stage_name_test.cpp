#include "runtime/plan/stage_name.h"

#include <gtest/gtest.h>

namespace lehr::runtime {
namespace {

TEST(StageName, MeansAStageByItsIdItsBaseOrSomeOfItsMatrix) {
  const char* id = "dpo@beta=0.1,seed=2,name=a,b";  // a value may have a comma
  for (const char* name : {"dpo", "dpo@beta=0.1,seed=2,name=a,b", "dpo@beta=0.1", "dpo@seed=2",
                           "dpo@seed=2,beta=0.1", "dpo@name=a,b"})
    EXPECT_TRUE(means_stage(name, id)) << name;
  for (const char* name : {"dp", "dpo2", "dpo@", "dpo@beta=0", "dpo@eta=0.1", "dpo@seed=2,",
                           "dpo@seed=2,beta=0.2", "ppo@seed=2", "seed=2", ""})
    EXPECT_FALSE(means_stage(name, id)) << name;
  EXPECT_TRUE(means_stage("dpo", "dpo"));
  EXPECT_FALSE(means_stage("dpo@beta=0.1", "dpo"));
}

}  // namespace
}  // namespace lehr::runtime
