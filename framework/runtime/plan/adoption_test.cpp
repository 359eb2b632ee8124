#include "runtime/plan/adoption.h"

#include "runtime/store/scratch_store.h"

namespace lehr::runtime {
namespace {

class AdoptionTest : public ScratchStore {
 protected:
  // The stage as it is planned now, with this code, library and parameter.
  PlannedStage planned(const std::string& code, const std::string& library,
                       const std::string& depth) {
    PlannedStage stage;
    stage.id = "clean";
    stage.uses = "p.step";
    stage.static_parts = {{"code.p", code, ""},
                          {"library.libtorch.so", library, ""},
                          {"uses", "p.step", ""},
                          {"with.depth", depth, "x.yaml:3:4"}};
    stage.inputs = {{"text",
                     "source",
                     "source",
                     "text",
                     "documents",
                     {},
                     "",
                     "x.yaml:2:2",
                     {},
                     std::string(64, 'e')}};
    stage.outputs = {{"documents", "documents", {}, "", "", ""}};
    return stage;
  }
  // The result the planned stage would have had.
  StageResult result(const PlannedStage& stage, const std::string& digest, int unix_time) {
    StageResult out = made("clean", digest);
    const StageKey key = stage_key(stage, {stage.inputs[0].digest});
    out.key = key.key;
    out.key_parts.clear();
    for (const KeyPart& part : key.parts) out.key_parts.emplace_back(part.name, part.value);
    out.stage = stage.uses;
    out.unix_time = unix_time;
    out.run = "run-" + std::to_string(unix_time);
    return out;
  }
  std::string refusal(const PlannedStage& stage) {
    try {
      adopt(stage, store_, store_.results(), 99);
    } catch (const AdoptionRefused& e) {
      return e.what();
    }
    return "";
  }

  ArtifactStore store_{root_ / "store"};
};

TEST_F(AdoptionTest, TakesTheNewestWhereOnlyCodeDiffers) {
  const StageResult old = result(planned("1", "a", "3"), publish(store_, "old"), 10),
                    newer = result(planned("2", "a", "3"), publish(store_, "newer"), 20),
                    other = result(planned("2", "a", "4"), publish(store_, "other"), 30);
  for (const auto& r : {old, newer, other}) store_.write_result(r);
  const PlannedStage now = planned("3", "b", "3");
  const Adoption adoption = adopt(now, store_, store_.results(), 99);
  ASSERT_EQ(adoption.accepted.size(), 2u);
  EXPECT_EQ(text(adoption.accepted[0]), "code.p: 2 -> 3");
  EXPECT_EQ(text(adoption.accepted[1]), "library.libtorch.so: a -> b");

  store_.write_result(adoption.result);
  const auto found = store_.find_result(stage_key(now, {now.inputs[0].digest}).key);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->outputs.at("documents").digest, newer.outputs.at("documents").digest);
  EXPECT_EQ(found->adopted_from, newer.key);
  EXPECT_EQ(found->adopted_time, 99);
  EXPECT_EQ(found->run, newer.run) << "who made it stays on record";
  EXPECT_EQ(stage_key(found->key_parts), found->key);
}

TEST_F(AdoptionTest, RefusesWhatSomeoneWroteAndSaysWhere) {
  store_.write_result(result(planned("1", "a", "3"), publish(store_, "old"), 10));
  const std::string why = refusal(planned("2", "a", "4"));
  EXPECT_NE(why.find("with.depth: 3 -> 4 (x.yaml:3:4)"), std::string::npos) << why;
  EXPECT_EQ(why.find("code.p"), std::string::npos) << "that would have been fine: " << why;
}

TEST_F(AdoptionTest, NeedsAnEarlierResultThatIsStillThere) {
  EXPECT_NE(refusal(planned("2", "a", "3")).find("no earlier result"), std::string::npos);
  const std::string digest = publish(store_, "old");
  store_.write_result(result(planned("1", "a", "3"), digest, 10));
  remove_tree(store_.artifact_path(digest));
  EXPECT_NE(refusal(planned("2", "a", "3")).find("are gone"), std::string::npos);
}

TEST_F(AdoptionTest, WaitsForTheStageBefore) {
  PlannedStage stage = planned("2", "a", "3");
  stage.inputs[0].digest.clear();
  EXPECT_NE(refusal(stage).find("'source' has to be run or adopted first"), std::string::npos);
}

}  // namespace
}  // namespace lehr::runtime
