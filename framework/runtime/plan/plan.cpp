#include "runtime/plan/plan.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "runtime/config/suggestion.h"
#include "runtime/store/json_text.h"

namespace lehr::runtime {
namespace {

void append_gates(std::string& out, std::string_view name, const std::vector<Gate>& gates) {
  if (gates.empty()) return;
  append_name(out, name);
  out += '{';
  for (const Gate& gate : gates) append_member(out, gate.name(), gate.text());
  out += '}';
}

void append_stage(std::string& out, const PlannedStage& stage) {
  out += '{';
  append_member(out, "id", stage.id);
  append_member(out, "uses", stage.uses);
  append_member(out, "state", name(stage.state));
  if (!stage.reason.empty()) append_member(out, "reason", stage.reason);
  if (!stage.key.empty()) append_member(out, "key", stage.key);
  if (stage.checkpoint) append_member(out, "checkpoint", *stage.checkpoint);
  append_member(out, "where", stage.where);
  if (stage.last_seconds) out += ",\"last_seconds\":" + nlohmann::json(*stage.last_seconds).dump();
  if (!stage.estimate.is_null()) out += ",\"estimate\":" + stage.estimate.dump();
  append_name(out, "plugin");
  append_member(out += '{', "name", stage.plugin->name);
  append_member(out, "version", stage.plugin->version);
  out += "},\"parameters\":";
  append_dump(out, stage.parameters);
  out += ",\"inputs\":[";
  for (const PlannedInput& input : stage.inputs) {
    append_member(out += out.ends_with('[') ? "{" : ",{", "port", input.port);
    append_member(out, "from", input.from_stage + "." + input.from_port);
    append_member(out, "type", input.type);
    if (!input.digest.empty()) append_member(out, "digest", input.digest);
    out += '}';
  }
  out += "],\"outputs\":[";
  for (const PlannedOutput& output : stage.outputs) {
    append_member(out += out.ends_with('[') ? "{" : ",{", "port", output.port);
    append_member(out, "type", output.type);
    if (!output.digest.empty()) append_member(out, "digest", output.digest);
    out += '}';
  }
  out += ']';
  append_gates(out, "require", stage.gates);
  append_gates(out, "when", stage.conditions);
  append_member(out, "determinism", stage.determinism);
  if (stage.uses_seed) out += ",\"seed\":" + std::to_string(stage.seed);
  out += ",\"threads\":" + std::to_string(stage.threads);
  append_member(out, "device", stage.device);
  if (stage.memory > 0) out += ",\"memory\":" + std::to_string(stage.memory);
  if (stage.gpus > 0) out += ",\"gpu\":" + std::to_string(stage.gpus);
  if (stage.retries > 0) out += ",\"retries\":" + std::to_string(stage.retries);
  if (stage.timeout_seconds > 0)
    out += ",\"timeout\":" + nlohmann::json(stage.timeout_seconds).dump();
  out += ",\"key_parts\":[";
  for (const KeyPart& part : stage.static_parts) {
    append_member(out += out.ends_with('[') ? "{" : ",{", "name", part.name);
    append_member(out, "value", part.value);
    if (!part.where.empty()) append_member(out, "where", part.where);
    out += '}';
  }
  out += "]}";
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

std::string Gate::missing(const std::string& id, const NamedResults& results) const {
  constexpr std::size_t kMostListed = 40;  // a training has some twenty
  std::vector<std::string> known;
  for (const auto& [result, number] : results) known.push_back(result);
  return "'" + id + "' has no result '" + metric + "' (" + where + ")." +
         (known.empty() ? " It reports none" : suggestion(metric, known, kMostListed));
}

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

std::string reason_to_start(const PlannedStage& stage) {
  if (stage.state != StageState::maybe) return stage.reason;
  std::string first;
  for (const PlannedInput& input : stage.inputs) {
    if (!input.digest.empty()) continue;  // known before
    if (!first.empty()) return first + " or another input changed";
    first = "'" + input.from_stage + "." + input.from_port + "'";
  }
  return first + " changed";
}

std::string Plan::json() const {
  std::string out = "{\"format\":1";
  out.reserve(1024 * (stages.size() + 1));  // about what they take
  append_member(out, "pipeline", name);
  append_member(out, "file", pipeline_file.string());
  out += ",\"seed\":" + std::to_string(seed) + ",\"threads\":" + std::to_string(threads) +
         ",\"stages\":[";
  for (const PlannedStage& stage : stages) {
    out += out.ends_with('[') ? "\n" : ",\n";
    append_stage(out, stage);
  }
  out += "\n]";
  if (!outputs.empty()) {
    append_name(out, "outputs");
    out += '{';
    for (const PipelineOutput& output : outputs)
      append_member(out, output.name, output.stage + "." + output.port);
    out += '}';
  }
  out += "}\n";
  return out;
}

}  // namespace lehr::runtime
