#include "runtime/plan/selection.h"

#include <algorithm>

#include "runtime/config/suggestion.h"
#include "runtime/plan/stage_name.h"

namespace lehr::runtime {
namespace {

using Needs = std::vector<std::vector<std::size_t>>;

// The marked stages and all that they need; and all that needs them.
std::vector<bool> up(const Needs& needs, std::vector<bool> marked) {
  for (std::size_t i = marked.size(); i-- > 0;)
    if (marked[i])
      for (const std::size_t needed : needs[i]) marked[needed] = true;
  return marked;
}
std::vector<bool> down(const Needs& needs, std::vector<bool> marked) {
  for (std::size_t i = 0; i < marked.size(); ++i)
    marked[i] = marked[i] || std::any_of(needs[i].begin(), needs[i].end(),
                                         [&](std::size_t needed) { return marked[needed]; });
  return marked;
}

}  // namespace

std::vector<bool> stages_named(const Plan& plan, const std::vector<std::string>& names,
                               const std::string& option) {
  std::vector<bool> out(plan.stages.size(), false);
  for (const std::string& name : names) {
    bool found = false;
    for (std::size_t i = 0; i < plan.stages.size(); ++i)
      if (means_stage(name, plan.stages[i].id)) out[i] = found = true;
    if (found) continue;
    std::vector<std::string> known;
    for (const PlannedStage& stage : plan.stages) {
      const std::string candidate(name.find('@') == name.npos ? base_name(stage.id) : stage.id);
      if (std::find(known.begin(), known.end(), candidate) == known.end())
        known.push_back(candidate);
    }
    throw SelectionError((option.empty() ? "" : option + ": ") + "the pipeline has no stage '" +
                         name + "'." + suggestion(name, known));
  }
  return out;
}

void select(Plan& plan, const Selection& selection) {
  if (!selection.only.empty() && !(selection.from.empty() && selection.until.empty()))
    throw SelectionError(
        "--only names all stages that may run; it does not go with --from and --until");
  if (selection.only.empty() && selection.from.empty() && selection.until.empty() &&
      selection.force.empty() && !selection.force_all)
    return;
  const Needs needs = plan.needs();
  std::vector<bool> chosen(plan.stages.size(), true);
  const auto keep = [&](const std::vector<bool>& these) {
    for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = chosen[i] && these[i];
  };
  if (!selection.only.empty()) keep(stages_named(plan, selection.only, "--only"));
  if (!selection.from.empty()) keep(down(needs, stages_named(plan, selection.from, "--from")));
  if (!selection.until.empty()) keep(up(needs, stages_named(plan, selection.until, "--until")));
  if (std::find(chosen.begin(), chosen.end(), true) == chosen.end())
    throw SelectionError("nothing lies between --from " + selection.from.front() + " and --until " +
                         selection.until.front() + ": the second does not need the first");

  const std::vector<bool> forced = stages_named(plan, selection.force, "--force");
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    PlannedStage& stage = plan.stages[i];
    stage.selected = chosen[i];
    stage.forced = chosen[i] && (selection.force_all || forced[i]);
    if (forced[i] && !chosen[i])
      throw SelectionError("--force names '" + stage.id + "', which is not selected");
  }
}

void settle_selection(Plan& plan) {
  std::vector<bool> selected;
  for (const PlannedStage& stage : plan.stages) selected.push_back(stage.selected);
  if (std::find(selected.begin(), selected.end(), false) == selected.end()) return;
  const Needs needs = plan.needs();
  const std::vector<bool> needed = up(needs, selected);
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    const PlannedStage& stage = plan.stages[i];
    if (!stage.selected || !stage.wanted || stage.state == StageState::cached) continue;
    for (const std::size_t n : needs[i]) {
      const PlannedStage& missing = plan.stages[n];
      if (missing.selected || missing.state == StageState::cached) continue;
      throw SelectionError("'" + stage.id + "' needs '" + missing.id +
                           "', which is not selected and not in the store (" + missing.reason +
                           "). Select '" + missing.id + "' as well, or run all that '" + stage.id +
                           "' needs with --until " + stage.id);
    }
  }
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    PlannedStage& stage = plan.stages[i];
    if (stage.selected || !stage.wanted || (needed[i] && stage.state == StageState::cached))
      continue;
    stage.state = StageState::skip;
    stage.reason = "not selected";
    stage.checkpoint.reset();
  }
}

}  // namespace lehr::runtime
