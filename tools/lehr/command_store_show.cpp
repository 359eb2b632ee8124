// lehr store show, path: one artifact: what it holds, where it came from, and who still wants it.
#include <algorithm>
#include <iostream>
#include <set>

#include "artifact_argument.h"
#include "command_store.h"
#include "runtime/run/human_text.h"
#include "runtime/store/lineage.h"
#include "runtime/store/output_links.h"
#include "runtime/store/pins.h"
#include "terminal_text.h"

namespace lehr::cli {
namespace {

using runtime::Lineage;
using runtime::StageResult;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMakersShown = 5, kRunsShown = 5;
constexpr std::size_t kDeepest = 30;  // steps upward

std::string brief(const std::string& digest) { return digest.substr(0, 12); }

// Names in a first column; what belongs to the name above has none.
void row(const std::string& name, const std::string& text) {
  std::cout << padded(name, 12) << text << "\n";
}

struct Shown {
  std::string digest;
  runtime::Artifact artifact;
  std::vector<const StageResult*> makers;
  std::vector<runtime::RunEntry> runs;  // that reach one of the makers
  const runtime::Pin* pin;
  std::string linked_from;  // empty: by no output
};

std::string maker_text(const StageResult& result) {
  return result.stage_id + " (" + result.stage + ")";
}

// The stage may have passed on what it read unchanged, and another have made the same: the one that
// the reader's pipeline names goes before the newest. Null: no result has it.
const StageResult* maker_of(const Lineage& lineage, const runtime::ResultInput& input) {
  const auto makers = lineage.makers(input.digest);
  const auto named = std::find_if(makers.begin(), makers.end(), [&](const StageResult* maker) {
    return maker->stage_id == input.from;
  });
  if (named != makers.end()) return *named;
  return makers.empty() ? nullptr : makers.front();
}

// What a result was made from, a line an input, deeper with each step upward.
void print_inputs(const Lineage& lineage, const StageResult& result, std::size_t depth,
                  std::set<std::string>& seen) {
  for (const auto& input : inputs_of(result)) {
    const StageResult* maker = maker_of(lineage, input);
    std::string line = std::string(2 * depth, ' ') + input.port + ": " + brief(input.digest) + " " +
                       (maker == nullptr ? input.from : maker_text(*maker));
    const bool again = maker != nullptr && !seen.insert(maker->key).second;
    if (again && !inputs_of(*maker).empty()) line += ", as above";
    row("", line);
    if (maker == nullptr || again || inputs_of(*maker).empty()) continue;
    if (depth < kDeepest)
      print_inputs(lineage, *maker, depth + 1, seen);
    else
      row("", std::string(2 * depth + 2, ' ') + "made of more; `lehr store show " +
                  brief(input.digest) + "` goes on from there");
  }
}

void print(const Shown& shown, const Lineage& lineage, const runtime::ArtifactStore& store) {
  const auto& artifact = shown.artifact;
  std::cout << artifact.type << " " << shown.digest << "\n";
  row("folder", store.artifact_path(shown.digest).string());
  for (const auto& [facet, value] : artifact.facets)
    row(facet == artifact.facets.begin()->first ? "facets" : "", facet + " " + value);
  row("files",
      std::to_string(artifact.files.size()) + ", " + runtime::bytes_text(artifact.bytes()));
  std::size_t width = 0;
  for (const auto& file : artifact.files) width = std::max(width, file.name.size());
  for (const auto& file : artifact.files)
    row("", padded(file.name, width) + "  " + runtime::bytes_text(file.size));
  if (shown.makers.empty()) row("made by", "(no result names it)");
  for (std::size_t i = 0; i < std::min(kMakersShown, shown.makers.size()); ++i) {
    const StageResult& maker = *shown.makers[i];
    row(i == 0 ? "made by" : "", maker_text(maker) + " in " +
                                     runtime::duration_text(maker.seconds) + ", run " + maker.run +
                                     ", key " + brief(maker.key));
    if (!maker.adopted_from.empty())
      row("", "  adopted from key " + brief(maker.adopted_from) + " by `lehr store adopt`");
    if (i > 0) continue;  // the others differ in parameters or code, seldom in where they came from
    std::set<std::string> seen = {maker.key};
    print_inputs(lineage, maker, 1, seen);
  }
  if (shown.makers.size() > kMakersShown)
    row("", "and " + std::to_string(shown.makers.size() - kMakersShown) + " older results");
  if (shown.runs.empty()) row("runs", "none reaches it");
  for (std::size_t i = 0; i < std::min(kRunsShown, shown.runs.size()); ++i)
    row(i == 0 ? "runs" : "", shown.runs[i].id + " (" + shown.runs[i].status + ")");
  if (shown.runs.size() > kRunsShown)
    row("", "and " + std::to_string(shown.runs.size() - kRunsShown) + " earlier ones");
  row("pinned", shown.pin == nullptr
                    ? "no"
                    : "yes" + (shown.pin->reason.empty() ? "" : ": " + shown.pin->reason));
  if (!shown.linked_from.empty()) row("linked from", shown.linked_from);
}

Json to_json(const Shown& shown, const runtime::ArtifactStore& store) {
  Json out = {{"digest", shown.digest}, {"folder", store.artifact_path(shown.digest).string()}};
  out.update(shown.artifact.to_json());
  out["bytes"] = shown.artifact.bytes();
  out["made_by"] = Json::array();
  for (const StageResult* maker : shown.makers) {
    Json inputs = Json::array();
    for (const auto& input : inputs_of(*maker))
      inputs.push_back({{"port", input.port}, {"from", input.from}, {"digest", input.digest}});
    out["made_by"].push_back({{"key", maker->key},
                              {"stage_id", maker->stage_id},
                              {"stage", maker->stage},
                              {"run", maker->run},
                              {"unix_time", maker->unix_time},
                              {"seconds", maker->seconds},
                              {"inputs", std::move(inputs)}});
    if (!maker->adopted_from.empty())
      out["made_by"].back()["adopted_from"] = {{"key", maker->adopted_from},
                                               {"unix_time", maker->adopted_time}};
  }
  out["runs"] = Json::array();
  for (const auto& run : shown.runs)
    out["runs"].push_back({{"run", run.id}, {"status", run.status}});
  out["pinned"] = nullptr;
  if (shown.pin != nullptr)
    out["pinned"] = {{"reason", shown.pin->reason}, {"unix_time", shown.pin->unix_time}};
  if (!shown.linked_from.empty()) out["linked_from"] = shown.linked_from;
  return out;
}

void show(const Options& options, const std::string& name) {
  const auto store = open_store(options);
  const runtime::NamedArtifact named = artifact_named(store, options, name);
  const std::string& digest = named.digest;
  const Lineage lineage(store.results());
  const auto pins = runtime::list_pins(store);
  Shown shown{digest, store.artifact(digest), lineage.makers(digest), {}, nullptr, ""};
  // Of several that made it, the stage it was named by comes first.
  std::stable_partition(shown.makers.begin(), shown.makers.end(), [&](const StageResult* maker) {
    return maker->stage_id == named.stage_id;
  });
  if (const auto pin = pins.find(digest); pin != pins.end()) shown.pin = &pin->second;
  const auto links = runtime::list_output_links(store);
  if (const auto link = links.find(digest); link != links.end())
    shown.linked_from = link->second.string();
  for (auto& run : runtime::list_runs(store.root()))
    if (std::any_of(shown.makers.begin(), shown.makers.end(), [&](const StageResult* maker) {
          return std::find(run.keys.begin(), run.keys.end(), maker->key) != run.keys.end();
        }))
      shown.runs.push_back(std::move(run));
  if (options.json)
    std::cout << json_text(to_json(shown, store));
  else
    print(shown, lineage, store);
}

}  // namespace

void add_store_show(Command store, Options& options) {
  auto name = std::make_shared<std::string>();
  Command show_command =
      store.add("show", "Show an artifact: its files, who made it from what, who still wants it");
  show_command.option("NAME", *name, kArtifactHelp).required();
  add_artifact_options(show_command, options);
  add_json_option(show_command, options, "As JSON");
  show_command.footer(example("lehr store show base.model -p pipelines/quickstart.yaml"));
  show_command.run([&options, name] { show(options, *name); });

  Command path = store.add("path", "Print the folder of an artifact, nothing else");
  path.option("NAME", *name, kArtifactHelp).required();
  add_artifact_options(path, options);
  path.footer(example("ls $(lehr store path base.model -p pipelines/quickstart.yaml)"));
  path.run([&options, name] {
    const auto artifacts = open_store(options);
    const std::string digest = artifact_named(artifacts, options, *name).digest;
    std::cout << artifacts.artifact_path(digest).string() << "\n";
  });
}

}  // namespace lehr::cli
