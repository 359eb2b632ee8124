#include "conformance/bench.h"

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>

#include <map>

#include "conformance/dialogue.h"
#include "conformance/samples.h"
#include "runtime/run/stage_spec.h"
#include "runtime/store/sha256.h"

extern char** environ;

namespace lehr::conformance {
namespace {

namespace fs = std::filesystem;

const std::string& key() {  // the same in every place, so that only the place differs
  static const std::string key = runtime::sha256_hex("conformance");
  return key;
}

std::vector<std::string> environment(const fs::path& place, bool elsewhere) {
  std::map<std::string, std::string> variables;
  for (char** v = environ; *v != nullptr; ++v) {
    const std::string text = *v;
    variables[text.substr(0, text.find('='))] = text;
  }
  const auto set = [&](const std::string& name, const std::string& value) {
    variables[name] = name + "=" + value;
  };
  for (const char* name :
       {"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "LC_ALL", "LANG", "TZ"})
    variables.erase(name);
  set("HOME", (place / "home").string());
  set("TMPDIR", (place / "tmp").string());
  set("LC_ALL", elsewhere ? "tr_TR.UTF-8" : "C");
  set("TZ", elsewhere ? "Pacific/Kiritimati" : "UTC");
  std::vector<std::string> out;
  for (auto& [name, text] : variables) out.push_back(text);
  return out;
}

// Every file below `folder` with what changes when it is written to.
std::map<std::string, std::string> files_below(const fs::path& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    struct stat info {};
    if (::lstat(entry.path().c_str(), &info) != 0) continue;
    std::string state = S_ISDIR(info.st_mode) ? "folder" : std::to_string(info.st_size);
    if (!S_ISDIR(info.st_mode))
      state +=
          " " + std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
    out[entry.path().lexically_relative(folder).string()] = state;
  }
  return out;
}

std::vector<std::string> written(const std::map<std::string, std::string>& before,
                                 const std::map<std::string, std::string>& after,
                                 const std::vector<std::string>& allowed) {
  std::vector<std::string> out;
  for (const auto& [name, state] : after) {
    const auto old = before.find(name);
    if (old != before.end() && old->second == state) continue;
    bool may = false;
    for (const std::string& folder : allowed)
      may = may || name == folder || name.starts_with(folder + "/");
    if (!may) out.push_back(name);
  }
  for (const auto& [name, state] : before)
    if (!after.contains(name)) out.push_back(name + " (removed)");
  return out;
}

void cut_in_half(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) fs::resize_file(entry.path(), entry.file_size() / 2);
}

}  // namespace

std::string Outcome::problem() const {
  if (result) return "";
  if (!in_time) return "it did not end in time and was killed";
  if (!failure.empty()) return "it failed: " + failure;
  if (stopped) return "it stopped as if it had been asked to";
  return "its process " + ending.text();
}

bool Outcome::misbehaved() const {
  if (result || stopped) return false;
  return !in_time || failure.empty() || failure == "it gave no reason" ||
         failure.find("crossed the plugin boundary") != std::string::npos;
}

Bench::Bench(const Kit& kit, const Json& stage, Json parameters)
    : kit_(kit),
      stage_(stage),
      parameters_(std::move(parameters)),
      folder_(kit.scratch / "stages" / stage.at("name").get<std::string>()) {
  const std::string own = stage.at("name").get<std::string>() + ".";
  for (const Json& port : stage.at("inputs")) {
    const std::string name = port.at("name"), type = port.value("type", "");
    if (name == "*") continue;  // what the pipeline connects: nothing, here
    auto given = kit.inputs.find(own + name);
    if (given == kit.inputs.end()) given = kit.inputs.find(name);
    if (given != kit.inputs.end()) {
      inputs_.push_back({name, type, given->second});
    } else if (port.value("optional", false)) {
      continue;
    } else if (can_make(type)) {
      make_sample(type, kit.scratch / "samples" / type);
      inputs_.push_back({name, type, kit.scratch / "samples" / type});
    } else if (obstacle_.empty()) {
      obstacle_ = "its input '" + name + "' is of type " + type +
                  ", which the kit cannot make up; give --input " + name + "=FOLDER";
    }
  }
}

std::vector<std::string> Bench::fill_store(const runtime::ArtifactStore& store, bool broken) const {
  std::vector<std::string> digests;
  for (const Input& in : inputs_) {
    const fs::path copy = store.root() / "work" / ("incoming-" + in.port);
    fs::remove_all(copy);
    fs::copy(in.folder, copy, fs::copy_options::recursive);
    runtime::Facets facets;
    if (fs::exists(copy / runtime::kArtifactFile)) {
      facets = runtime::read_artifact(copy).facets;
      fs::remove(copy / runtime::kArtifactFile);
    }
    if (broken) cut_in_half(copy);
    const auto artifact = runtime::describe_folder(copy, in.type, facets, 1);
    const auto lock = store.shared_lock();
    digests.push_back(store.publish(copy, artifact));
  }
  return digests;
}

Outcome Bench::run(const std::string& name, const Trial& trial) {
  const fs::path place = folder_ / name;
  for (const char* folder : {"home", "tmp"}) runtime::make_folders(place / folder);
  const runtime::ArtifactStore store(place / "store");
  const std::vector<std::string> digests = fill_store(store, trial.broken_inputs);

  runtime::StageSpec spec;
  spec.store = store.root();
  spec.run = spec.stage_id = "conformance";
  spec.plugin = kit_.plugin.path;
  spec.stage = stage_.at("name");
  spec.full_name = kit_.plugin.name + "." + spec.stage;
  spec.key = key();
  spec.parameters = parameters_;
  spec.seed = 7;
  spec.threads = trial.threads;
  // Where it can, on the CPU: that is everywhere.
  const Json devices = stage_.value("devices", Json::array());
  if (!devices.empty() && std::find(devices.begin(), devices.end(), "cpu") == devices.end())
    spec.device = devices.front();
  spec.item_plugins[kit_.plugin.name] = kit_.plugin.path;
  spec.kill_after_commits = trial.kill_after_commits;
  spec.stop_after_commits = trial.stop_after_commits;
  spec.watch_descriptors = true;
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    spec.inputs.push_back({inputs_[i].port, "sample", "sample", digests[i], true});
  const fs::path file = folder_ / (name + ".json");
  runtime::write_file_atomically(file, spec.to_json().dump());

  const auto before = files_below(place);
  Outcome out;
  runtime::StageProcess process(kit_.host, "--spec", file, environment(place, trial.elsewhere));
  const Dialogue heard = hear(process, kit_.patience, [&](const Json& event) {
    const std::string kind = event["event"];
    if (kind == "failed") out.failure = event.value("message", "");
    if (kind == "resumed") out.resumed = true;
    if (kind == "cancelled") out.stopped = true;
    if (kind == "descriptors")
      for (const Json& target : event.at("leaked")) out.leaked.insert(target.get<std::string>());
    return kind == "phase";  // patience begins when it runs
  });
  out.in_time = heard.in_time;
  out.ending = heard.ending;
  if (heard.ending.signal == 0 && heard.ending.code == runtime::kExitOk)
    out.result = store.find_result(key());

  std::vector<std::string> allowed = {"store/work/" + key(), "store/results/" + key() + ".json",
                                      "store/trash", "store/gc.lock"};
  if (out.result)
    for (const auto& [port, output] : out.result->outputs)
      allowed.push_back("store/artifacts/" + output.digest);
  out.misplaced = written(before, files_below(place), allowed);
  return out;
}

void Bench::clear(const std::string& place) { runtime::remove_tree(folder_ / place); }

Json Bench::input_facts(bool made, const std::string& place) const {
  Json out = Json::array();
  for (const Input& in : inputs_) {
    Json facts = {{"port", in.port}, {"label", "sample"}, {"type", in.type},
                  {"path", ""},      {"digest", ""},      {"facets", Json::object()}};
    if (made) {
      const runtime::ArtifactStore store(folder_ / place / "store");
      for (const auto& entry : store.list())
        if (entry.artifact.type == in.type) {
          facts["path"] = store.artifact_path(entry.digest).string();
          facts["digest"] = entry.digest;
          facts["facets"] = entry.artifact.facets;
          break;
        }
    }
    out.push_back(std::move(facts));
  }
  return out;
}

}  // namespace lehr::conformance
