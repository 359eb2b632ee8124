// The second half of planning: what each stage's key is made of, and what the store already holds.
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>

#include "runtime/plan/differences.h"
#include "runtime/plan/input_content.h"
#include "runtime/plan/machine.h"
#include "runtime/plan/planner.h"
#include "runtime/plan/selection.h"
#include "runtime/plan/stage_name.h"
#include "runtime/store/result_index.h"
#include "runtime/store/run_log.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::json;

class StaticParts {
 public:
  explicit StaticParts(ContentDigests& contents)
      : contents_(contents), tier_(instruction_set_tier()) {}

  void fill(PlannedStage& stage) {
    auto& parts = stage.static_parts;
    std::erase_if(parts, [](const KeyPart& part) { return !part.name.starts_with("with."); });
    parts.push_back({"key", "1", ""});  // version of the rules on this page
    parts.push_back({"uses", stage.uses, stage.uses_where});
    std::set<const PluginFile*> plugins = {stage.plugin};
    for (const ItemUse& use : stage.steps) plugins.insert(use.plugin);
    for (const ItemUse& use : stage.rewards) plugins.insert(use.plugin);
    for (const PluginFile* plugin : plugins) {
      const Code& code = code_of(plugin);
      parts.push_back({"code." + plugin->name, code.digest, ""});
      for (const std::string& identity : code.libraries) {
        const std::size_t colon = identity.find(": ");
        const std::string value = colon == std::string::npos ? "" : identity.substr(colon + 2);
        parts.push_back({"library." + identity.substr(0, colon), value, ""});
      }
    }
    for (const InputPath& path : stage.input_paths)
      parts.push_back({"content." + path.parameter, contents_.describe(path.pattern), path.where});
    for (const PlannedOutput& output : stage.outputs)
      if (!output.where.empty()) parts.push_back({"out." + output.port, output.type, output.where});
    if (stage.uses_seed) parts.push_back({"seed", std::to_string(stage.seed), stage.seed_where});
    if (stage.determinism != "exact") {
      parts.push_back({"device", stage.device, stage.device_where});
      parts.push_back({"machine", stage.device == "cuda" ? tier_ + ", " + gpu() : tier_, ""});
      parts.push_back({"threads", std::to_string(stage.threads), stage.threads_where});
    }
    std::sort(parts.begin(), parts.end(), [](const KeyPart& a, const KeyPart& b) {
      return std::tie(a.name, a.value) < std::tie(b.name, b.value);
    });
    parts.erase(std::unique(parts.begin(), parts.end()),
                parts.end());  // a library that two plugins need
  }

 private:
  struct Code {
    std::string digest;
    std::vector<std::string> libraries;
  };
  const Code& code_of(const PluginFile* plugin) {
    const auto [found, fresh] = codes_.try_emplace(plugin);
    if (fresh)
      found->second = {contents_.remembered("code", std::filesystem::absolute(plugin->path),
                                            [&] { return code_digest(plugin->path); }),
                       library_identities(*plugin)};
    return found->second;
  }

  const std::string& gpu() {
    if (gpu_.empty()) gpu_ = gpu_model();
    return gpu_;
  }

  ContentDigests& contents_;
  std::string tier_, gpu_;
  std::unordered_map<const PluginFile*, Code> codes_;
};

// "with.beta: 0.1 -> 0.2 (x.yaml:3:4) and 2 more": what someone wrote first, then what follows from
// it. From another `uses` all else follows.
std::string summary(const std::vector<Difference>& changes) {
  for (const Difference& change : changes)
    if (change.name == "uses") return text(change);
  const auto written = std::find_if(changes.begin(), changes.end(),
                                    [](const Difference& d) { return !d.where.empty(); });
  std::string out = text(written == changes.end() ? changes.front() : *written);
  if (changes.size() > 1) out += " and " + std::to_string(changes.size() - 1) + " more";
  return out;
}

// In which run each key failed that was begun last there; of those that a later run began anew or
// stopped there is none. By what the newest runs have kept.
std::unordered_map<std::string, std::string> last_failures(const ArtifactStore& store) {
  constexpr std::size_t kMostRuns = 50;
  std::unordered_map<std::string, std::string> out;  // empty: it did not fail
  std::size_t looked_at = 0;
  for (const RunEntry& run : list_runs(store.root())) {
    if (++looked_at > kMostRuns) break;
    std::unordered_map<std::string, std::string> key_of_stage, in_run;
    std::ifstream events(run.folder / "events.ndjson");
    for (std::string line; std::getline(events, line);) {
      const bool started = line.find("\"stage_started\"") != std::string::npos,
                 failed = line.find("\"stage_failed\"") != std::string::npos;
      if (!started && !failed) continue;
      const auto event = nlohmann::json::parse(line, nullptr, false);  // torn, where it was killed
      if (!event.is_object() || !event.contains("stage") || !event["stage"].is_string()) continue;
      const std::string stage = event["stage"];
      if (event.value("event", Json()) == "stage_started" && event.value("key", Json()).is_string())
        in_run[key_of_stage[stage] = event["key"]].clear();
      else if (event.value("event", Json()) == "stage_failed" && key_of_stage.contains(stage))
        in_run[key_of_stage[stage]] = run.id;
    }
    out.merge(in_run);  // what a newer run says stays
  }
  return out;
}

class LookUp {
 public:
  LookUp(Plan& plan, const ArtifactStore* store, bool with_reasons)
      : store_(store), with_reasons_(with_reasons) {
    if (store) index_.emplace(*store, plan.name);
    for (PlannedStage& stage : plan.stages) by_id_[stage.id] = &stage;
  }

  void stage(PlannedStage& stage) {
    stage.state = StageState::run;
    stage.key.clear();
    stage.checkpoint.reset();
    stage.result.reset();
    if (!is_wanted(stage)) {
      stage.wanted = false;
      stage.state = StageState::skip;
      return;
    }
    const PlannedInput* waits_for = nullptr;
    std::vector<std::string> digests;
    for (PlannedInput& input : stage.inputs) {
      const PlannedStage& from = *by_id_.at(input.from_stage);
      for (const PlannedOutput& output : from.outputs)
        if (output.port == input.from_port) input.digest = output.digest;
      if (input.digest.empty() && !waits_for) waits_for = &input;
      digests.push_back(input.digest);
    }
    if (waits_for)
      without_inputs(stage, *waits_for);
    else
      with_inputs(stage, digests);
    for (const Gate& condition : stage.conditions)
      if (stage.state != StageState::cached &&
          by_id_.at(condition.stage)->state != StageState::cached)
        stage.reason += "; only if " + condition.name() + " " + condition.text();
  }
  // So that the next look-up is quicker.
  void keep() const {
    if (index_) index_->save();
  }

 private:
  // As far as it can be known: a condition may be on a result that is still to come. Gives the
  // reason.
  bool is_wanted(PlannedStage& stage) const {
    const auto refuse = [&](const std::string& why) {
      stage.reason = why;
      return false;
    };
    if (!stage.wanted) return false;
    stage.reason.clear();
    for (const PlannedInput& input : stage.inputs)
      if (!by_id_.at(input.from_stage)->wanted) return refuse("needs '" + input.from_stage + "'");
    for (const auto* gates : {&stage.gates, &stage.conditions})
      for (const Gate& gate : *gates)
        if (!gate.stage.empty() && !by_id_.at(gate.stage)->wanted)
          return refuse("needs a result of '" + gate.stage + "'");
    for (const Gate& condition : stage.conditions) {
      const PlannedStage& from = *by_id_.at(condition.stage);
      if (from.state != StageState::cached) continue;
      const auto number = from.result->results.find(condition.metric);
      if (number != from.result->results.end() && !condition.passes(number->second.value))
        return refuse(condition.name() + " " + condition.text() + " does not hold (" +
                      condition.where + ")");
    }
    return true;
  }

  void with_inputs(PlannedStage& stage, const std::vector<std::string>& digests) {
    stage.key = bare_stage_key(stage, digests);
    if (stage.forced)
      stage.reason = "forced";
    else if (take_result(stage))
      return;
    else
      explain_run(stage, stage_key(stage, digests));
    if (store_) stage.checkpoint = store_->checkpoint(stage.key);
  }
  void explain_run(PlannedStage& stage, const StageKey& key) {
    if (const StageResult* old = closest_result(stage, key.parts, results_like(stage))) {
      const auto changes = differences(old->key_parts, key.parts);
      if (old->stage == stage.uses) stage.last_seconds = old->seconds;
      stage.reason = changes.empty() ? "its stored outputs are gone or damaged" : summary(changes);
    } else {
      const bool begun = store_ && std::filesystem::exists(store_->work_path(stage.key));
      stage.reason = begun ? why_unfinished(stage.key) : "never run before";
    }
  }
  std::string why_unfinished(const std::string& key) {
    if (!failures_) failures_ = last_failures(*store_);
    const auto found = failures_->find(key);
    return found == failures_->end() || found->second.empty() ? "begun before, never finished"
                                                              : "failed in run " + found->second;
  }
  bool take_result(PlannedStage& stage) {
    auto result = index_ ? index_->find(stage.key) : std::nullopt;
    if (!result) return false;
    for (const PlannedOutput& output : stage.outputs)
      if (!result->outputs.contains(output.port)) return false;
    for (PlannedOutput& output : stage.outputs)
      output.digest = result->outputs.at(output.port).digest;
    stage.state = StageState::cached;
    stage.last_seconds = result->seconds;
    stage.reason.clear();
    stage.result = std::make_shared<const StageResult>(std::move(*result));
    return true;
  }
  void without_inputs(PlannedStage& stage, const PlannedInput& waits_for) {
    if (stage.forced) {
      stage.reason = "forced";
      return;
    }
    const StageResult* old = closest_result(stage, stage.static_parts, results_like(stage), "in.");
    if (!old) {
      stage.reason = "never run before";
      return;
    }
    if (old->stage == stage.uses) stage.last_seconds = old->seconds;
    const auto changes = differences(old->key_parts, stage.static_parts, "in.");
    if (!changes.empty()) {
      stage.reason = summary(changes);
      return;
    }
    stage.state = StageState::maybe;
    stage.reason = "if '" + waits_for.from_stage + "." + waits_for.from_port + "' changes";
  }
  // The store's results of this stage and the other variants of its matrix.
  const std::vector<StageResult>& results_like(const PlannedStage& stage) {
    if (!results_) {  // read when the first stage is not cached
      results_.emplace();
      for (StageResult& result :
           store_&& with_reasons_ ? store_->results() : std::vector<StageResult>())
        (*results_)[std::string(base_name(result.stage_id))].push_back(std::move(result));
    }
    return (*results_)[std::string(base_name(stage.id))];
  }

  const ArtifactStore* store_;
  bool with_reasons_;
  std::optional<ResultIndex> index_;  // of the store
  std::unordered_map<std::string, PlannedStage*> by_id_;
  std::optional<std::unordered_map<std::string, std::vector<StageResult>>> results_;
  std::optional<std::unordered_map<std::string, std::string>> failures_;  // key: run
};

// Sorted by name, as all parts of a key are.
std::vector<KeyPart> input_parts(const PlannedStage& stage,
                                 const std::vector<std::string>& input_digests) {
  std::vector<KeyPart> out;
  std::map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < stage.inputs.size(); ++i) {
    const PlannedInput& input = stage.inputs[i];
    out.push_back({"in." + input.port + "[" + std::to_string(seen[input.port]++) + "]",
                   (input.label.empty() ? "" : input.label + " ") + input_digests.at(i),
                   input.where});
  }
  std::sort(out.begin(), out.end(),
            [](const KeyPart& a, const KeyPart& b) { return a.name < b.name; });
  return out;
}

// Calls use(part) for each part of the key in order. inputs: input_parts().
template <class Use>
void for_each_part(const PlannedStage& stage, const std::vector<KeyPart>& inputs, Use use) {
  auto input = inputs.begin();
  for (const KeyPart& part : stage.static_parts) {
    for (; input != inputs.end() && input->name < part.name; ++input) use(*input);
    use(part);
  }
  for (; input != inputs.end(); ++input) use(*input);
}

}  // namespace

std::string bare_stage_key(const PlannedStage& stage,
                           const std::vector<std::string>& input_digests) {
  const std::vector<KeyPart> inputs = input_parts(stage, input_digests);
  KeyPartViews views;
  views.reserve(inputs.size() + stage.static_parts.size());
  for_each_part(stage, inputs,
                [&](const KeyPart& part) { views.emplace_back(part.name, part.value); });
  return hashed_key(views);
}

StageKey stage_key(const PlannedStage& stage, const std::vector<std::string>& input_digests) {
  StageKey out{bare_stage_key(stage, input_digests), {}};
  for_each_part(stage, input_parts(stage, input_digests),
                [&](const KeyPart& part) { out.parts.push_back(part); });
  return out;
}

LookedUp look_up(Plan& plan, const ArtifactStore* store, bool with_reasons) {
  LookedUp out{FileDescriptor(), ContentDigests(store)};
  StaticParts parts(out.contents);
  for (PlannedStage& stage : plan.stages) parts.fill(stage);
  if (store) {
    out.contents.save(*store);
    out.lock = store->shared_lock();
  }
  LookUp search(plan, store, with_reasons);
  for (PlannedStage& stage : plan.stages) search.stage(stage);
  search.keep();
  settle_selection(plan);
  return out;
}

}  // namespace lehr::runtime
