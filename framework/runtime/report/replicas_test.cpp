#include "runtime/report/replicas.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lehr::runtime {
namespace {

StageRecord stage(const std::string& id, NamedResults results) {
  StageRecord out;
  out.id = id;
  out.results = std::move(results);
  return out;
}

TEST(Replicas, StageNamesAreTakenApart) {
  EXPECT_TRUE(parse_stage_name("dpo").axes.empty());
  const StageName name = parse_stage_name("dpo@beta=0.1,seed=2");
  EXPECT_EQ(name.base, "dpo");
  ASSERT_EQ(name.axes.size(), 2u);
  EXPECT_EQ(name.axes[0], (std::pair<std::string, std::string>("beta", "0.1")));
  EXPECT_EQ(name.axes[1], (std::pair<std::string, std::string>("seed", "2")));
}

TEST(Replicas, ACommaInsideAValueIsNoNewAxis) {
  const StageName name = parse_stage_name("clean@files=a,b.txt,seed=2");
  ASSERT_EQ(name.axes.size(), 2u);
  EXPECT_EQ(name.axes[0].second, "a,b.txt");
}

TEST(Replicas, SeedsOfOneVariantGiveMeanAndDeviation) {
  RunRecord run;
  for (int seed = 1; seed <= 3; ++seed)
    run.stages.push_back(stage(
        "dpo@seed=" + std::to_string(seed),
        {{"eval/loss", {static_cast<double>(seed), false}}, {"seconds", {10.0 * seed, true}}}));
  const auto found = replicated_results(run);
  ASSERT_EQ(found.size(), 1u) << "volatile results are left out";
  EXPECT_EQ(found[0].stage, "dpo");
  EXPECT_EQ(found[0].result, "eval/loss");
  ASSERT_EQ(found[0].variants.size(), 1u);
  EXPECT_EQ(found[0].variants[0].sample.mean, 2);
  EXPECT_EQ(found[0].variants[0].sample.deviation, 1);
  EXPECT_TRUE(found[0].pairs.empty());
}

TEST(Replicas, VariantsAreTestedAgainstEachOther) {
  RunRecord run;
  for (const auto& [beta, mean] : {std::pair{"0.05", 1.0}, {"0.1", 1.1}, {"0.3", 9.0}})
    for (int seed = 0; seed < 3; ++seed)
      run.stages.push_back(stage("dpo@beta=" + std::string(beta) + ",seed=" + std::to_string(seed),
                                 {{"eval/loss", {mean + 0.1 * seed, false}}}));
  const auto found = replicated_results(run);
  ASSERT_EQ(found.size(), 1u);
  ASSERT_EQ(found[0].variants.size(), 3u);
  EXPECT_EQ(found[0].variants[0].name, "beta=0.05");
  ASSERT_EQ(found[0].pairs.size(), 3u);
  // deviation 0.1 each, difference 0.1: t = 0.1 / sqrt(0.01 * 2/3) = 1.22, p = 0.29
  EXPECT_NEAR(found[0].pairs[0].test.t, 0.1 / std::sqrt(0.02 / 3), 1e-9);
  EXPECT_FALSE(found[0].pairs[0].exceeds_noise);
  EXPECT_TRUE(found[0].pairs[1].exceeds_noise);
  EXPECT_TRUE(found[0].pairs[2].exceeds_noise);
}

TEST(Replicas, TwoReplicasAreTooFewForATest) {
  RunRecord run;
  for (const char* id :
       {"a@beta=1,seed=1", "a@beta=1,seed=2", "a@beta=2,seed=1", "a@beta=2,seed=2"})
    run.stages.push_back(stage(id, {{"loss", {1, false}}}));
  const auto found = replicated_results(run);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].pairs.empty());
}

TEST(Replicas, AnEvaluationNamesTheModelInItsResults) {
  RunRecord run;
  run.stages.push_back(stage("exam", {{"accuracy@base", {0.1, false}},
                                      {"accuracy@dpo@beta=1,seed=1", {0.5, false}},
                                      {"accuracy@dpo@beta=1,seed=2", {0.7, false}},
                                      {"accuracy@ppo@seed=1", {0.6, false}},
                                      {"accuracy@ppo@seed=2", {0.6, false}}}));
  const auto found = replicated_results(run);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].stage, "exam");
  EXPECT_EQ(found[0].result, "accuracy");
  ASSERT_EQ(found[0].variants.size(), 2u);
  EXPECT_EQ(found[0].variants[0].name, "dpo@beta=1");
  EXPECT_NEAR(found[0].variants[0].sample.mean, 0.6, 1e-12);
  EXPECT_EQ(found[0].variants[1].name, "ppo");
}

TEST(Replicas, OfTwoRunsAreTestedAgainstEachOther) {
  const auto run_of = [](const std::string& beta, std::initializer_list<double> losses) {
    RunRecord run;
    for (const double loss : losses) {
      const std::string seed = std::to_string(run.stages.size());
      run.stages.push_back(
          stage("dpo@beta=" + beta + ",seed=" + seed, {{"eval/loss", {loss, false}}}));
    }
    return run;
  };
  const RunRecord a = run_of("0.1", {0.50, 0.52, 0.54});
  const auto clear = replicated_differences(a, run_of("0.1", {0.70, 0.71, 0.75}));
  ASSERT_EQ(clear.size(), 1u);
  ASSERT_EQ(clear[0].variants.size(), 2u);
  EXPECT_EQ(clear[0].variants[0].name, "a: beta=0.1");
  EXPECT_EQ(clear[0].variants[1].name, "b: beta=0.1");
  ASSERT_EQ(clear[0].pairs.size(), 1u);
  EXPECT_NEAR(clear[0].pairs[0].test.difference, 0.2, 1e-12);
  EXPECT_TRUE(clear[0].pairs[0].exceeds_noise);
  const auto noisy = replicated_differences(a, run_of("0.1", {0.51, 0.52, 0.55}));
  ASSERT_EQ(noisy.size(), 1u);
  EXPECT_FALSE(noisy[0].pairs.at(0).exceeds_noise);
  EXPECT_TRUE(replicated_differences(a, a).empty()) << "nothing differs";
  EXPECT_TRUE(replicated_differences(a, run_of("0.3", {1, 2, 3})).empty()) << "another variant";
  const auto few = replicated_differences(run_of("0.1", {1, 2}), run_of("0.1", {3, 4}));
  ASSERT_EQ(few.size(), 1u);
  EXPECT_TRUE(few[0].pairs.empty());
}

TEST(Replicas, AnyAxisMayBeTheReplicas) {
  RunRecord run;
  for (const char* id : {"a@fold=1", "a@fold=2"})
    run.stages.push_back(stage(id, {{"loss", {1, false}}}));
  EXPECT_TRUE(replicated_results(run).empty());
  EXPECT_EQ(replicated_results(run, "fold").size(), 1u);
}

}  // namespace
}  // namespace lehr::runtime
