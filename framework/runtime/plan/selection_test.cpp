#include "runtime/plan/selection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace lehr::runtime {
namespace {

//   source -> clean -> base -> dpo@beta=0.1 -> exam
//                        \---> dpo@beta=0.3 --/      other
Plan plan() {
  Plan out;
  const auto add = [&](const std::string& id, const std::vector<std::string>& from) {
    PlannedStage stage;
    stage.id = id;
    for (const std::string& f : from) {
      PlannedInput input;
      input.from_stage = f;
      stage.inputs.push_back(input);
    }
    out.stages.push_back(stage);
  };
  add("source", {});
  add("clean", {"source"});
  add("base", {"clean"});
  add("dpo@beta=0.1", {"base"});
  add("dpo@beta=0.3", {"base"});
  add("exam", {"dpo@beta=0.1", "dpo@beta=0.3"});
  add("other", {});
  return out;
}

// "--until base --force": as on the command line.
Selection asked(const std::string& words) {
  Selection out;
  std::vector<std::string>* names = nullptr;
  std::istringstream in(words);
  for (std::string word; in >> word;) {
    if (word == "--only") names = &out.only;
    if (word == "--from") names = &out.from;
    if (word == "--until") names = &out.until;
    if (word == "--force") names = &out.force;
    if (!word.starts_with("--")) names->push_back(word);
  }
  out.force_all = names == &out.force && out.force.empty();
  return out;
}

std::string chosen(const std::string& words) {
  Plan p = plan();
  select(p, asked(words));
  std::string out;
  for (const PlannedStage& stage : p.stages)
    if (stage.selected) out += stage.id + (stage.forced ? "! " : " ");
  return out;
}

std::string refusal(const std::string& words) try {
  return "accepted: " + chosen(words);
} catch (const SelectionError& e) {
  return e.what();
}

// Every stage cached but those named.
std::string settled(const std::string& words, const std::vector<std::string>& not_cached) try {
  Plan p = plan();
  select(p, asked(words));
  for (PlannedStage& stage : p.stages) {
    const bool runs = stage.forced ||
                      std::find(not_cached.begin(), not_cached.end(), stage.id) != not_cached.end();
    stage.state = runs ? StageState::run : StageState::cached;
    stage.reason = runs ? "never run before" : "";
  }
  settle_selection(p);
  std::string out;
  for (const PlannedStage& stage : p.stages) out += stage.id + ":" + name(stage.state) + " ";
  return out;
} catch (const SelectionError& e) {
  return e.what();
}

TEST(Selection, TakesEverythingUnlessAsked) {
  EXPECT_EQ(chosen(""), "source clean base dpo@beta=0.1 dpo@beta=0.3 exam other ");
}

TEST(Selection, FollowsTheData) {
  EXPECT_EQ(chosen("--until base"), "source clean base ");
  EXPECT_EQ(chosen("--from base"), "base dpo@beta=0.1 dpo@beta=0.3 exam ");
  EXPECT_EQ(chosen("--from clean --until base"), "clean base ");
  EXPECT_EQ(chosen("--only source exam"), "source exam ");
}

TEST(Selection, TakesAllVariantsByTheBaseName) {
  EXPECT_EQ(chosen("--only dpo"), "dpo@beta=0.1 dpo@beta=0.3 ");
  EXPECT_EQ(chosen("--only dpo@beta=0.3"), "dpo@beta=0.3 ");
}

TEST(Selection, ForcesWhatIsNamedOrAllThatIsSelected) {
  EXPECT_EQ(chosen("--until clean --force clean"), "source clean! ");
  EXPECT_EQ(chosen("--until clean --force"), "source! clean! ");
  EXPECT_EQ(refusal("--until clean --force exam"), "--force names 'exam', which is not selected");
}

TEST(Selection, RefusesWhatMakesNoSense) {
  EXPECT_EQ(refusal("--only claen"),
            "--only: the pipeline has no stage 'claen'. Did you mean 'clean'?");
  EXPECT_EQ(refusal("--until dpo@beta=0.2"),
            "--until: the pipeline has no stage 'dpo@beta=0.2'. Did you mean 'dpo@beta=0.1'?");
  EXPECT_NE(refusal("--only base --from base").find("does not go with"), std::string::npos);
  EXPECT_NE(refusal("--from base --until clean").find("does not need the first"),
            std::string::npos);
}

TEST(Selection, LeavesAloneWhatIsNotSelectedButTakesStoredResultsThatAreNeeded) {
  EXPECT_EQ(settled("--only exam", {"exam"}),
            "source:cached clean:cached base:cached dpo@beta=0.1:cached dpo@beta=0.3:cached "
            "exam:run other:skip ");
  EXPECT_EQ(settled("--only base", {"exam", "other"}),
            "source:cached clean:cached base:cached dpo@beta=0.1:skip dpo@beta=0.3:skip exam:skip "
            "other:skip ");
}

TEST(Selection, SaysWhatIsMissing) {
  EXPECT_EQ(settled("--from base", {"clean", "base"}),
            "'base' needs 'clean', which is not selected and not in the store (never run before). "
            "Select 'clean' as well, or run all that 'base' needs with --until base");
}

}  // namespace
}  // namespace lehr::runtime
