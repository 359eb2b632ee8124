#include "runtime/run/run_state.h"

#include <gtest/gtest.h>

#include <limits>

#include "runtime/run/stage_spec.h"

namespace lehr::runtime {
namespace {

using Kind = RunState::Readiness::Kind;

// a -> b -> c, and d alone.
Plan chain() {
  Plan out;
  for (const auto& [id, from] : {std::pair{"a", ""}, {"b", "a"}, {"c", "b"}, {"d", ""}}) {
    PlannedStage stage;
    stage.id = id;
    if (*from != '\0') {
      PlannedInput input;
      input.from_stage = from;
      input.from_port = "out";
      stage.inputs.push_back(input);
    }
    out.stages.push_back(stage);
  }
  return out;
}

TEST(RunState, LetsAStageStartOnceItsInputsAreThere) {
  const Plan plan = chain();
  RunState state(plan);
  EXPECT_EQ(state.readiness(0).kind, Kind::ready);
  EXPECT_EQ(state.readiness(1).kind, Kind::waits);
  StageResult result;
  result.outputs["out"].digest = "1234";
  state.outcome(0).result = std::make_shared<const StageResult>(result);
  state.decide(0, StageStatus::ran, "");
  EXPECT_EQ(state.readiness(1).kind, Kind::ready);
  EXPECT_EQ(state.input_digests(1), std::vector<std::string>{"1234"});
}

TEST(RunState, BlocksWhatNeedsAFailedStageAndNothingElse) {
  const Plan plan = chain();
  for (const StageStatus status : {StageStatus::failed, StageStatus::gate_failed}) {
    RunState state(plan);
    state.decide(0, status, "");
    EXPECT_EQ(state.readiness(1).kind, Kind::blocked);
    EXPECT_EQ(state.readiness(1).why, "a");
    state.decide(1, StageStatus::blocked, "");
    EXPECT_EQ(state.readiness(2).why, "a");  // not 'b', which only stands between them
    EXPECT_EQ(state.readiness(3).kind, Kind::ready);
    EXPECT_TRUE(state.has_failed());
    EXPECT_EQ(state.exit_code(), status == StageStatus::failed ? kExitFailed : kExitGate);
  }
}

TEST(RunState, WaitsForWhatWasStopped) {
  const Plan plan = chain();
  RunState state(plan);
  state.decide(0, StageStatus::stopped, "");
  EXPECT_EQ(state.readiness(1).kind, Kind::waits);
  EXPECT_FALSE(state.has_failed());
  state.decide(3, StageStatus::failed, "");
  EXPECT_EQ(state.exit_code(), kExitResumable);  // the failure will be met again
}

TEST(RunState, DecidesWhatThePlanLeavesAlone) {
  Plan plan = chain();
  plan.stages[3].state = StageState::skip;
  plan.stages[3].reason = "not selected";
  RunState state(plan);
  EXPECT_TRUE(state.decided(3));
  for (std::size_t i = 0; i < 3; ++i) state.decide(i, StageStatus::cached, "");
  EXPECT_EQ(state.exit_code(), kExitOk);
}

TEST(RunState, SkipsWhatNeedsASkippedStage) {
  Plan plan = chain();
  plan.stages[0].state = StageState::skip;
  RunState state(plan);
  EXPECT_EQ(state.readiness(1).kind, Kind::skipped);
  EXPECT_EQ(state.readiness(1).why, "needs 'a'");
  state.decide(1, StageStatus::skipped, "");
  EXPECT_EQ(state.readiness(2).kind, Kind::skipped);
  EXPECT_FALSE(state.has_failed());
}

TEST(RunState, DecidesAConditionOnceTheResultIsThere) {
  Plan plan = chain();
  plan.stages[3].conditions.push_back({"eval/accuracy", ">=", 0.8, "x.yaml:4:5", "a"});
  const auto readiness = [&](double accuracy, const char* name) {
    RunState state(plan);
    EXPECT_EQ(state.readiness(3).kind, Kind::waits);
    StageResult result;
    result.results[name] = {accuracy};
    state.outcome(0).result = std::make_shared<const StageResult>(result);
    state.decide(0, StageStatus::cached, "");
    return state.readiness(3);
  };
  EXPECT_EQ(readiness(0.8, "eval/accuracy").kind, Kind::ready);
  EXPECT_EQ(readiness(0.7, "eval/accuracy").kind, Kind::skipped);
  EXPECT_EQ(readiness(0.7, "eval/accuracy").why,
            "a:eval/accuracy is 0.7, wanted >= 0.8 (x.yaml:4:5)");
  EXPECT_EQ(readiness(0.9, "eval/acuracy").kind, Kind::broken);
  EXPECT_NE(readiness(0.9, "eval/acuracy").why.find("Did you mean 'eval/acuracy'"),
            std::string::npos);
}

TEST(RunState, SaysTheSameOfAGateOnAResultThatIsNotThere) {
  const Plan plan = chain();
  RunState state(plan);
  StageResult result;
  result.results["eval/accuracy"] = {0.7};
  state.outcome(1).result = std::make_shared<const StageResult>(result);
  for (const char* of : {"", "b"})
    EXPECT_EQ(
        state.judge(of[0] == '\0' ? 1 : 3, {"eval/acuracy", ">=", 0.8, "x.yaml:4:5", of}).message,
        "require: 'b' has no result 'eval/acuracy' (x.yaml:4:5). Did you mean 'eval/accuracy'?");
}

TEST(RunState, SaysInWordsWhatIsNoNumberInJson) {
  const Plan plan = chain();
  RunState state(plan);
  StageResult result;
  result.results["loss"] = {std::numeric_limits<double>::quiet_NaN()};
  result.results["ratio"] = {std::numeric_limits<double>::infinity()};
  state.outcome(1).result = std::make_shared<const StageResult>(result);
  const auto nan = state.judge(1, {"loss", "<=", 2, "x.yaml:4:5", ""});
  EXPECT_FALSE(nan.passed);
  EXPECT_TRUE(nan.event["value"].is_null());
  EXPECT_EQ(nan.event["message"], "loss is nan, required <= 2");
  EXPECT_TRUE(state.judge(1, {"ratio", ">=", 2, "x.yaml:4:5", ""}).passed);
}

TEST(RunState, KnowsWhatRunsWhateverComesOut) {
  Plan plan = chain();
  const auto certain = [&] {
    std::string out;
    const std::vector<bool> runs = RunState(plan).certain_to_run();
    for (std::size_t i = 0; i < runs.size(); ++i)
      if (runs[i]) out += plan.stages[i].id;
    return out;
  };
  EXPECT_EQ(certain(), "abcd");
  plan.stages[1].conditions.push_back({"eval/accuracy", ">=", 0.8, "x.yaml:4:5", "a"});
  EXPECT_EQ(certain(), "ad") << "b may be skipped, and c with it";
  StageResult result;
  result.results["eval/accuracy"] = {0.9};
  plan.stages[0].state = StageState::cached;
  plan.stages[0].result = std::make_shared<const StageResult>(result);
  EXPECT_EQ(certain(), "bcd") << "the condition holds";
  plan.stages[1].state = StageState::maybe;
  EXPECT_EQ(certain(), "cd");
  plan.stages[0].state = StageState::skip;
  EXPECT_EQ(certain(), "d");
}

TEST(RunState, SaysWhatWasNeverStarted) {
  const Plan plan = chain();
  RunState state(plan);
  state.decide(3, StageStatus::failed, "");
  state.end_the_rest(StageStatus::not_run);
  EXPECT_EQ(state.outcomes()[0].status, StageStatus::not_run);
  EXPECT_EQ(state.exit_code(), kExitFailed);
}

TEST(RunState, LooksAtAStageOnceWhenItsLastNeedIsDecided) {
  Plan plan = chain();  // d is to take something from a and c, and twice from a
  for (const char* from : {"a", "c", "a"}) {
    PlannedInput input;
    input.from_stage = from;
    plan.stages[3].inputs.push_back(input);
  }
  RunState state(plan);
  const auto looked_at = [&] {
    std::string out;
    while (const auto index = state.next_to_look_at(4)) out += state.outcome(*index).id;
    return out;
  };
  EXPECT_EQ(looked_at(), "a");
  state.decide(0, StageStatus::cached, "");
  EXPECT_EQ(looked_at(), "b");
  EXPECT_EQ(looked_at(), "");
  state.decide(1, StageStatus::gate_failed, "");  // what needs it is looked at, to be blocked
  EXPECT_EQ(looked_at(), "c");
  state.decide(2, StageStatus::blocked, "");
  EXPECT_EQ(looked_at(), "d");
}

}  // namespace
}  // namespace lehr::runtime
