#include "runtime/report/artifact_name.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kFewestDigits = 4;

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// "RUN:" cut off the name; empty: none was given.
std::vector<RunEntry> runs_meant(const ArtifactStore& store, const std::string& pipeline,
                                 std::string& name) {
  std::vector<RunEntry> runs = list_runs(store.root());
  if (!pipeline.empty())
    std::erase_if(runs, [&](const RunEntry& run) { return run.pipeline != folder_name(pipeline); });
  const std::size_t colon = name.find(':');
  if (colon == std::string::npos) return runs;
  try {
    runs = {find_run(runs, name.substr(0, colon))};
  } catch (const NoSuchRun& e) {
    throw NameError(e.what());
  }
  name = name.substr(colon + 1);
  return runs;
}

// By the name of a stage; digest empty: no run has it. `known` receives what there is.
NamedArtifact by_stage(const ArtifactStore& store, const std::vector<RunEntry>& runs,
                       const std::string& name, std::vector<std::string>& known) {
  std::map<std::string, StageResult> results;
  for (StageResult& result : store.results()) results[result.key] = std::move(result);
  std::set<std::string> all;
  for (const RunEntry& run : runs)
    for (const auto& [stage, key] : stages_of_run(run)) {
      const auto result = results.find(key);
      if (result == results.end()) continue;  // gc took it
      if (result->second.outputs.size() == 1) all.insert(stage);
      std::vector<std::string> ports;
      for (const auto& [port, output] : result->second.outputs) {
        ports.push_back(stage + "." + port);
        all.insert(ports.back());
        if (name == ports.back() || (name == stage && result->second.outputs.size() == 1))
          return {output.digest, run.id, stage, port};
      }
      if (name == stage)
        throw NameError("stage '" + name + "' has several outputs: " + joined(ports) +
                        ". Name one of them");
    }
  known.assign(all.begin(), all.end());
  return {};
}

// "train.model" of a stage with a matrix: those of `known` that stand for a variant of it, the
// first of them.
std::vector<std::string> variants_of(const std::string& name,
                                     const std::vector<std::string>& known) {
  constexpr std::size_t kMost = 10;
  const std::size_t dot = std::min(name.rfind('.'), name.size());
  const std::string base = name.substr(0, dot) + "@", port = name.substr(dot);
  std::vector<std::string> out;
  for (const std::string& k : known)
    if (k.starts_with(base) && (port.empty() || k.ends_with(port)) && out.size() < kMost)
      out.push_back(k);
  return out;
}

NamedArtifact by_digest(const ArtifactStore& store, const std::string& name) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(store.root() / "artifacts"))
    if (const std::string digest = entry.path().filename().string(); digest.starts_with(name))
      found.push_back(digest.substr(0, 16));
  if (found.size() < 2) return {found.empty() ? "" : store.resolve_digest(name), "", "", ""};
  std::sort(found.begin(), found.end());
  throw NameError("several artifacts begin with '" + name + "': " + joined(found) +
                  ". Give more digits");
}

NamedArtifact by_path(const ArtifactStore& store, const std::string& name) {
  std::error_code error;
  const fs::path folder = fs::canonical(name, error);
  if (error) throw NameError("there is no folder '" + name + "'");
  if (!fs::exists(folder / kArtifactFile))
    throw NameError("'" + name + "' is no artifact: there is no " + kArtifactFile + " in it");
  const std::string digest = folder.filename().string();
  if (folder != fs::canonical(store.root()) / "artifacts" / digest || !is_digest(digest))
    throw NameError("'" + name + "' is an artifact of another store than '" +
                    store.root().string() + "'. Name its store with --store");
  return {digest, "", "", ""};
}

}  // namespace

std::vector<std::pair<std::string, std::string>> stages_of_run(const RunEntry& run) try {
  std::vector<std::pair<std::string, std::string>> out;
  std::istringstream events(read_file(run.folder / "events.ndjson"));
  for (std::string line; std::getline(events, line);) {
    const auto event = nlohmann::json::parse(line, nullptr, false);  // a killed run's may be torn
    if (!event.is_object()) continue;
    const std::string kind = event.value("event", "");
    if (kind == "stage_cached" || kind == "stage_finished")
      out.emplace_back(event.value("stage", ""), event.value("key", ""));
  }
  return out;
} catch (const nlohmann::json::exception&) {
  return {};
} catch (const IoError&) {
  return {};
}

NamedArtifact find_artifact(const ArtifactStore& store, const std::string& name,
                            const std::string& pipeline) {
  std::string rest = name;
  const std::vector<RunEntry> runs = runs_meant(store, pipeline, rest);
  std::vector<std::string> known;
  NamedArtifact found = by_stage(store, runs, rest, known);
  if (found.digest.empty() && rest == name) {
    if (name.size() >= kFewestDigits && is_hex(name)) found = by_digest(store, name);
    std::error_code error;
    if (found.digest.empty() &&
        (name.find('/') != std::string::npos || fs::exists(fs::path(name) / kArtifactFile, error)))
      found = by_path(store, name);
  }
  const bool is_short = is_hex(name) && !name.empty() && name.size() < kFewestDigits;
  if (found.digest.empty() && !rest.empty()) {
    const std::vector<std::string> variants = variants_of(rest, known);
    if (!variants.empty())
      throw NameError("'" + rest + "' has a matrix. Name one variant: " + joined(variants));
  }
  if (found.digest.empty())
    throw NameError(
        "'" + name + "' names no artifact of '" + store.root().string() +
            "'. Give stage.port, run:stage.port, a digest " +
            (is_short ? "(at least " + std::to_string(kFewestDigits) + " digits) " : "") +
            "or a folder.",
        known);
  if (!fs::exists(store.artifact_path(found.digest)))
    throw NameError("the artifact of '" + name + "' (" + found.digest.substr(0, 12) +
                    ") is no longer in '" + store.root().string() + "'. Run its pipeline again");
  return found;
}

}  // namespace lehr::runtime
