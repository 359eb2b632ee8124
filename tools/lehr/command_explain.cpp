// lehr explain: what the result of a stage, or of each variant of a matrix, depends on, and what of
// it changed since the nearest earlier result.
#include <algorithm>
#include <iostream>

#include "change_text.h"
#include "command.h"
#include "runtime/plan/differences.h"
#include "runtime/plan/planner.h"
#include "runtime/plan/selection.h"

namespace lehr::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Explanation {
  const runtime::PlannedStage* stage;
  std::vector<runtime::KeyPart> parts;  // without inputs if they are not known
  std::optional<runtime::StageResult> before;
  std::vector<runtime::Difference> changes;
};

Explanation explain(const runtime::PlannedStage& stage,
                    const std::vector<runtime::StageResult>& results) {
  Explanation out{&stage, stage.static_parts, std::nullopt, {}};
  const bool complete = !stage.key.empty();
  if (complete) {
    std::vector<std::string> digests;
    for (const auto& input : stage.inputs) digests.push_back(input.digest);
    out.parts = stage_key(stage, digests).parts;
  }
  const std::string ignored = complete ? "" : "in.";
  const auto own = std::find_if(results.begin(), results.end(), [&](const auto& result) {
    return complete && result.key == stage.key;  // whatever the stage was called then
  });
  if (const auto* closest = own != results.end()
                                ? &*own
                                : runtime::closest_result(stage, out.parts, results, ignored)) {
    out.before = *closest;
    out.changes = differences(closest->key_parts, out.parts, ignored);
  }
  return out;
}

std::size_t unchanged(const Explanation& e) {
  std::size_t count = 0;
  for (const auto& part : e.parts)
    count += std::none_of(e.changes.begin(), e.changes.end(),
                          [&](const auto& c) { return c.name == part.name; });
  return count;
}

void print(const Explanation& e, bool all) {
  const auto& stage = *e.stage;
  std::cout << stage.id << " (" << stage.uses << ", " << stage.where << "): " << name(stage.state)
            << (stage.reason.empty() ? "" : ": " + stage.reason) << "\n";
  if (!stage.key.empty()) std::cout << "key " << stage.key << "\n";
  for (const auto& input : stage.inputs)
    if (input.digest.empty())
      std::cout << "input '" << input.port << "' is not known yet: '" << input.from_stage
                << "' has to run first\n";
  if (e.before) {
    std::cout << "compared with the result of run " << e.before->run << ":\n";
    if (!e.before->adopted_from.empty())
      std::cout << "  adopted    from key " << e.before->adopted_from.substr(0, 12)
                << " by `lehr store adopt`: made by other code\n";
    std::vector<runtime::KeyPart> before;
    for (const auto& [name, value] : e.before->key_parts) before.push_back({name, value, ""});
    if (e.before->stage != stage.uses) {  // then nothing else compares
      std::cout << "  uses       " << e.before->stage << " -> " << stage.uses
                << (stage.uses_where.empty() ? "" : "  (" + stage.uses_where + ")") << "\n";
    } else {
      std::cout << change_text(before, e.parts, stage.key.empty() ? "in." : "", "  ");
      std::cout << "  unchanged  " << unchanged(e) << " of " << e.parts.size() << " parts\n";
    }
  } else {
    std::cout << "the store holds no earlier result of this stage\n";
  }
  if (!all) return;
  std::cout << "the key is made of:\n";
  for (const auto& part : e.parts)
    std::cout << "  " << part.name << " = " << part.value
              << (part.where.empty() ? "" : "  (" + part.where + ")") << "\n";
}

Json to_json(const Explanation& e) {
  Json out = {{"stage", e.stage->id}, {"uses", e.stage->uses}, {"state", name(e.stage->state)}};
  out["reason"] = e.stage->reason;
  out["key"] = e.stage->key;
  out["parts"] = Json::array();
  for (const auto& part : e.parts)
    out["parts"].push_back({{"name", part.name}, {"value", part.value}, {"where", part.where}});
  if (e.before) {
    out["compared_with"] = {{"run", e.before->run}, {"key", e.before->key}};
    if (!e.before->adopted_from.empty())
      out["compared_with"]["adopted_from"] = e.before->adopted_from;
  }
  out["changes"] = Json::array();
  for (const auto& c : e.changes)
    out["changes"].push_back(
        {{"name", c.name}, {"before", c.before}, {"after", c.after}, {"where", c.where}});
  if (e.before) out["unchanged"] = unchanged(e);
  return out;
}

}  // namespace

void add_explain(Command app, Options& options, int& exit_code) {
  Command command =
      app.add("explain", "Show what changed for stages since they last ran, old -> new");
  add_pipeline_options(command, options);
  auto stages = std::make_shared<std::vector<std::string>>();
  auto all = std::make_shared<bool>(false);
  command
      .option("STAGE", *stages,
              "Stages; 'dpo' is each variant of its matrix, 'dpo@beta=0.1' those with that value")
      .required()
      .type_name("NAME");
  command.flag("--all", *all, "Also list everything the key is made of");
  add_json_option(command, options, "As JSON; a list, unless one stage is named alone");
  command.footer(
      example("lehr explain pipelines/quickstart.yaml dpo --set stages.dpo.with.beta=0.2"));
  command.run([&, stages, all] {
    LoadedPipeline* loaded = load_pipeline(options, exit_code);
    if (!loaded) return;
    const runtime::Plan& plan = loaded->plan;
    const std::vector<bool> named = runtime::stages_named(plan, *stages);
    const auto store = store_if_there(options);
    runtime::look_up(loaded->plan, store.get());
    const auto results = store ? store->results() : std::vector<runtime::StageResult>();
    Json list = Json::array();
    for (std::size_t i = 0, shown = 0; i < named.size(); ++i) {
      if (!named[i]) continue;
      const Explanation explanation = explain(plan.stages[i], results);
      if (options.json) {
        list.push_back(to_json(explanation));
      } else {
        if (shown++ > 0) std::cout << "\n";
        print(explanation, *all);
      }
    }
    // By what was asked for, so that it does not change with the number of variants.
    const bool alone = stages->size() == 1 && plan.find(stages->front()) != nullptr;
    if (options.json) std::cout << json_text(alone ? list.front() : list);
  });
}

}  // namespace lehr::cli
