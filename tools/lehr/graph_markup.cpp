// A plan for other programs that draw: Graphviz's dot, Mermaid, JSON.
#include <map>

#include "pipeline_graph.h"

namespace lehr::cli {
namespace {

using Json = nlohmann::ordered_json;
using runtime::StageState;

const char* fill_of(StageState state) {
  return state == StageState::cached ? "#d5f0d8" : state == StageState::run ? "#fdebc8" : "#d2ecf5";
}

// The inside of a dot string. A backslash would begin an escape such as \N, an ampersand an entity.
std::string dot_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c == '&' ? "&amp;" : std::string(1, c);
  }
  return out;
}

// The inside of a quoted Mermaid text, which knows HTML's entities with '#' in place of '&'.
std::string mermaid_escaped(std::string_view text) {
  static const std::map<char, const char*> entities = {
      {'"', "#quot;"}, {'#', "#35;"}, {'<', "#lt;"},  {'>', "#gt;"},
      {'&', "#amp;"},  {'`', "#96;"}, {'\\', "#92;"}, {'\n', " "}};
  std::string out;
  for (const char c : text) {
    const auto entity = entities.find(c);
    out += entity == entities.end() ? std::string(1, c) : entity->second;
  }
  return out;
}

std::map<std::string, std::string> node_names(const runtime::Plan& plan) {
  std::map<std::string, std::string> names;
  for (const auto& stage : plan.stages) {
    std::string name = "s" + std::to_string(names.size());
    names[stage.id] = std::move(name);
  }
  return names;
}

}  // namespace

std::string dot_graph(const runtime::Plan& plan, bool status) {
  const auto nodes = node_names(plan);
  std::string out = "digraph \"" + dot_escaped(plan.name) +
                    "\" {\n"
                    "  node [shape=box, style=\"rounded,filled\", fillcolor=white, "
                    "fontname=\"Helvetica\"];\n"
                    "  edge [fontname=\"Helvetica\", fontsize=10, color=\"#777777\"];\n";
  for (const auto& stage : plan.stages) {
    out += "  " + nodes.at(stage.id) + " [label=\"" + dot_escaped(stage.id) + "\\n" +
           dot_escaped(short_uses(stage));
    if (status)
      out += "\\n" + std::string(name(stage.state)) + "\", fillcolor=\"" + fill_of(stage.state);
    out += "\"];\n";
  }
  for (const auto& stage : plan.stages)
    for (const auto& input : stage.inputs)
      out += "  " + nodes.at(input.from_stage) + " -> " + nodes.at(stage.id) + " [label=\"" +
             dot_escaped(input.port) + "\"];\n";
  for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
    const std::string node = "o" + std::to_string(i);
    out += "  " + node + " [shape=note, style=\"\", label=\"" + dot_escaped(plan.outputs[i].name) +
           "\"];\n  " + nodes.at(plan.outputs[i].stage) + " -> " + node + " [label=\"" +
           dot_escaped(plan.outputs[i].port) + "\"];\n";
  }
  return out + "}\n";
}

std::string mermaid_graph(const runtime::Plan& plan, bool status) {
  const auto nodes = node_names(plan);
  std::string out = "flowchart TD\n";
  for (const auto& stage : plan.stages)
    out += "  " + nodes.at(stage.id) + "[\"" + mermaid_escaped(stage.id) + "<br/>" +
           mermaid_escaped(short_uses(stage)) + "\"]\n";
  for (const auto& stage : plan.stages)
    for (const auto& input : stage.inputs)
      out += "  " + nodes.at(input.from_stage) + " -->|\"" + mermaid_escaped(input.port) + "\"| " +
             nodes.at(stage.id) + "\n";
  for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
    const std::string node = "o" + std::to_string(i);
    out += "  " + node + "([\"" + mermaid_escaped(plan.outputs[i].name) + "\"])\n  " +
           nodes.at(plan.outputs[i].stage) + " -->|\"" + mermaid_escaped(plan.outputs[i].port) +
           "\"| " + node + "\n";
  }
  if (!status) return out;
  for (const StageState state : {StageState::cached, StageState::run, StageState::maybe}) {
    std::string members;
    for (const auto& stage : plan.stages)
      if (stage.state == state) members += (members.empty() ? "" : ",") + nodes.at(stage.id);
    if (members.empty()) continue;
    out += "  classDef " + std::string(name(state)) + " fill:" + fill_of(state) +
           ",stroke:#777777,color:#000000\n  class " + members + " " + name(state) + "\n";
  }
  return out;
}

Json json_graph(const runtime::Plan& plan, bool status) {
  Json out = {{"format", 1}, {"pipeline", plan.name}};
  out["stages"] = out["edges"] = Json::array();
  for (const auto& stage : plan.stages) {
    Json item = {{"id", stage.id}, {"uses", stage.uses}};
    if (status) item["state"] = name(stage.state);
    out["stages"].push_back(std::move(item));
    for (const auto& input : stage.inputs)
      out["edges"].push_back({{"from", input.from_stage},
                              {"output", input.from_port},
                              {"to", stage.id},
                              {"input", input.port},
                              {"type", input.type}});
  }
  out["outputs"] = Json::object();
  for (const auto& output : plan.outputs)
    out["outputs"][output.name] = output.stage + "." + output.port;
  return out;
}

}  // namespace lehr::cli
