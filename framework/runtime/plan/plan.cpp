#include "runtime/plan/plan.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;

Json stage_json(const PlannedStage& stage) {
  Json out = {{"id", stage.id}, {"uses", stage.uses}, {"state", name(stage.state)}};
  if (!stage.reason.empty()) out["reason"] = stage.reason;
  if (!stage.key.empty()) out["key"] = stage.key;
  out["where"] = stage.where;
  out["plugin"] = {{"name", stage.plugin->name}, {"version", stage.plugin->version}};
  out["parameters"] = stage.parameters;
  out["inputs"] = Json::array();
  for (const PlannedInput& input : stage.inputs) {
    Json item = {{"port", input.port},
                 {"from", input.from_stage + "." + input.from_port},
                 {"type", input.type}};
    if (!input.digest.empty()) item["digest"] = input.digest;
    out["inputs"].push_back(std::move(item));
  }
  out["outputs"] = Json::array();
  for (const PlannedOutput& output : stage.outputs) {
    Json item = {{"port", output.port}, {"type", output.type}};
    if (!output.digest.empty()) item["digest"] = output.digest;
    out["outputs"].push_back(std::move(item));
  }
  for (const Gate& gate : stage.gates) out["require"][gate.name()] = gate.text();
  for (const Gate& condition : stage.conditions) out["when"][condition.name()] = condition.text();
  out["determinism"] = stage.determinism;
  if (stage.uses_seed) out["seed"] = stage.seed;
  out["threads"] = stage.threads;
  out["device"] = stage.device;
  if (stage.memory > 0) out["memory"] = stage.memory;
  if (stage.gpus > 0) out["gpu"] = stage.gpus;
  if (stage.retries > 0) out["retries"] = stage.retries;
  if (stage.timeout_seconds > 0) out["timeout"] = stage.timeout_seconds;
  out["key_parts"] = Json::array();
  for (const KeyPart& part : stage.static_parts) {
    Json item = {{"name", part.name}, {"value", part.value}};
    if (!part.where.empty()) item["where"] = part.where;
    out["key_parts"].push_back(std::move(item));
  }
  return out;
}

}  // namespace

const char* name(StageState state) {
  switch (state) {
    case StageState::cached:
      return "cached";
    case StageState::maybe:
      return "maybe";
    case StageState::skip:
      return "skip";
    case StageState::run:
      break;
  }
  return "run";
}

bool Gate::passes(double value) const {
  if (op == ">=") return value >= limit;
  if (op == ">") return value > limit;
  if (op == "<=") return value <= limit;
  if (op == "<") return value < limit;
  if (op == "!=") return value != limit;
  return value == limit;
}

std::string Gate::name() const { return stage.empty() ? metric : stage + ":" + metric; }

std::string Gate::text() const {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, limit).ptr;
  return op + " " + std::string(buffer, end);
}

std::vector<std::vector<std::size_t>> Plan::needs() const {
  std::unordered_map<std::string_view, std::size_t> index;
  std::vector<std::vector<std::size_t>> out(stages.size());
  for (std::size_t i = 0; i < stages.size(); ++i) {
    for (const PlannedInput& input : stages[i].inputs) out[i].push_back(index.at(input.from_stage));
    for (const auto* gates : {&stages[i].gates, &stages[i].conditions})
      for (const Gate& gate : *gates)
        if (!gate.stage.empty()) out[i].push_back(index.at(gate.stage));
    std::sort(out[i].begin(), out[i].end());
    out[i].erase(std::unique(out[i].begin(), out[i].end()), out[i].end());
    index[stages[i].id] = i;
  }
  return out;
}

const PlannedStage* Plan::find(std::string_view id) const {
  const auto found =
      std::find_if(stages.begin(), stages.end(), [&](const PlannedStage& s) { return s.id == id; });
  return found == stages.end() ? nullptr : &*found;
}

nlohmann::ordered_json Plan::json() const {
  Json out = {{"format", 1},
              {"pipeline", name},
              {"file", pipeline_file.string()},
              {"seed", seed},
              {"threads", threads}};
  out["stages"] = Json::array();
  for (const PlannedStage& stage : stages) out["stages"].push_back(stage_json(stage));
  if (!outputs.empty())
    for (const PipelineOutput& output : outputs)
      out["outputs"][output.name] = output.stage + "." + output.port;
  return out;
}

}  // namespace lehr::runtime
