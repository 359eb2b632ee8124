#include "runtime/plan/lock_file.h"

#include <algorithm>
#include <set>

#include "runtime/config/diagnostics.h"
#include "runtime/plan/differences.h"
#include "runtime/plan/input_content.h"
#include "runtime/store/durable_file.h"
#include "text/strict_json.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
using Json = nlohmann::json;  // sorts its keys
namespace {

constexpr int kFormat = 1;
constexpr std::size_t kLargestLock = 64u << 20;
constexpr text::JsonLimits kLimits{64, 2'000'000};  // a line a value, as it is written

Json stage_json(const LockedStage& stage) {
  Json out = {{"uses", stage.uses},   {"determinism", stage.determinism},
              {"key", stage.key},     {"plugins", stage.plugins},
              {"parts", stage.parts}, {"outputs", stage.outputs}};
  if (!stage.inputs.empty()) out["inputs"] = stage.inputs;
  if (!stage.files.empty()) out["files"] = stage.files;
  return out;
}

LockedStage read_stage(const Json& json) {
  using Map = std::map<std::string, std::string>;
  LockedStage out;
  out.uses = json.at("uses");
  out.determinism = json.at("determinism");
  out.key = json.at("key");
  out.plugins = json.at("plugins").get<Map>();
  out.parts = json.at("parts").get<Map>();
  out.outputs = json.at("outputs").get<Map>();
  if (const auto inputs = json.find("inputs"); inputs != json.end())
    out.inputs = inputs->get<Map>();
  if (const auto files = json.find("files"); files != json.end())
    out.files = files->get<std::map<std::string, Map>>();
  return out;
}

// The whole file, of a format this knows.
Json read_file_json(const fs::path& path) {
  Json json;
  try {
    json = text::parse_json<Json>(read_file(path, kLargestLock), kLimits);
  } catch (const text::JsonError&) {  // told below
  }
  const auto wrong = [&](const std::string& why) {
    return StoreError(quoted(path.string()) + " is not a lock file of Lehr: " + why +
                      ". `lehr lock` writes it anew once it is gone");
  };
  if (!json.is_object() || !json.contains("format") || !json["format"].is_number_integer() ||
      !json.contains("pipelines") || !json["pipelines"].is_object())
    throw wrong("it is not JSON with 'format' and 'pipelines'");
  if (json["format"] != kFormat)
    throw StoreError(quoted(path.string()) + " has format " + json["format"].dump() +
                     ", which this Lehr does not know");
  return json;
}

std::map<std::string, std::string> plugin_versions(const PlannedStage& stage) {
  std::map<std::string, std::string> out = {{stage.plugin->name, stage.plugin->version}};
  for (const auto* uses : {&stage.steps, &stage.rewards})
    for (const ItemUse& use : *uses) out[use.plugin->name] = use.plugin->version;
  return out;
}

// Of a lock that has no `inputs`: the stage a port is connected to; what follows is the digest of
// what came out of it.
std::string stage_of(const std::string& input_part) {
  return input_part.substr(0, input_part.rfind(' '));
}

// What is connected to each port; ports: also which output of the stage.
std::vector<KeyPart> connections(const PlannedStage& stage, bool ports) {
  std::vector<KeyPart> out;
  std::map<std::string, std::size_t> seen;
  for (const PlannedInput& input : stage.inputs)
    out.push_back({"in." + input.port + "[" + std::to_string(seen[input.port]++) + "]",
                   input.from_stage + (ports ? "." + input.from_port : ""), input.where});
  return out;
}

bool left_to_outputs(const std::string& part) {
  return part == "machine" || part.starts_with("code.") || part.starts_with("library.");
}

class StageComparison {
 public:
  StageComparison(const PlannedStage& stage, LockComparison& out) : stage_(stage), out_(out) {}

  void run(const LockedStage& locked, ContentDigests& contents) {
    KeyParts before(locked.inputs.begin(), locked.inputs.end());
    for (const auto& [name, value] : locked.parts)
      if (!name.starts_with("in."))
        before.emplace_back(name, value);
      else if (locked.inputs.empty())
        before.emplace_back(name, stage_of(value));
    std::vector<KeyPart> now = connections(stage_, !locked.inputs.empty());
    now.insert(now.end(), stage_.static_parts.begin(), stage_.static_parts.end());
    for (const Difference& difference : differences(before, now)) {
      if (left_to_outputs(difference.name)) {
        out_.reported.push_back("stage " + quoted(stage_.id) + ": " + text(difference));
        continue;
      }
      refuse(difference);
      if (difference.name.starts_with("content.")) {
        const std::string parameter = difference.name.substr(8);
        const auto files = locked.files.find(parameter);
        if (files != locked.files.end()) compare_files(parameter, files->second, contents);
      }
    }
    std::vector<KeyPart> versions;
    for (const auto& [plugin, version] : plugin_versions(stage_))
      versions.push_back({"version of plugin " + quoted(plugin), version, ""});
    KeyParts locked_versions;
    for (const auto& [plugin, version] : locked.plugins)
      locked_versions.emplace_back("version of plugin " + quoted(plugin), version);
    for (const Difference& difference : differences(locked_versions, versions)) refuse(difference);
  }

 private:
  void refuse(Difference difference) {
    if (difference.where.empty()) difference.where = stage_.where;
    out_.refused.push_back("stage " + quoted(stage_.id) + ": " + text(difference));
  }
  // Which files they are, below the line about all of them.
  void compare_files(const std::string& parameter, const std::map<std::string, std::string>& before,
                     ContentDigests& contents) {
    std::vector<KeyPart> after;
    for (const InputPath& path : stage_.input_paths)
      if (path.parameter == parameter)
        for (const auto& [name, digest] : contents.files(path.pattern))
          after.push_back({name, digest, ""});
    for (const Difference& d : differences({before.begin(), before.end()}, after))
      out_.refused.back() += "\n    " + text(d);
  }

  const PlannedStage& stage_;
  LockComparison& out_;
};

LockedPipeline read_pipeline(const Json& json, const fs::path& path, const std::string& name) try {
  LockedPipeline out;
  for (const auto& [stage, locked] : json.items()) out[stage] = read_stage(locked);
  return out;
} catch (const Json::exception&) {
  throw StoreError(quoted(path.string()) + " is damaged: what it says of " + quoted(name) +
                   " is malformed. `lehr run " + name + "`, then `lehr lock " + name +
                   "` writes it anew");
}

}  // namespace

fs::path lock_path(const fs::path& pipeline_file) {
  return fs::absolute(pipeline_file).parent_path() / "lehr.lock";
}

LockedPipeline read_lock(const fs::path& pipeline_file) {
  const fs::path path = lock_path(pipeline_file);
  const std::string how =
      "`lehr run " + pipeline_file.string() + "`, then `lehr lock " + pipeline_file.string() + "`";
  if (!fs::exists(path))
    throw LockError("there is no " + quoted(path.string()) + ". " + how + " writes it");
  const Json json = read_file_json(path);
  const auto found = json["pipelines"].find(pipeline_file.filename().string());
  if (found == json["pipelines"].end())
    throw LockError(quoted(path.string()) + " says nothing of " +
                    quoted(pipeline_file.filename().string()) + ". " + how + " adds it");
  return read_pipeline(*found, path, pipeline_file.filename().string());
}

std::set<std::string> locked_code(const fs::path& lock_file) {
  std::set<std::string> out;
  const Json json = read_file_json(lock_file);
  for (const auto& [name, pipeline] : json["pipelines"].items())
    for (const auto& [id, stage] : read_pipeline(pipeline, lock_file, name))
      for (const auto& [part, value] : stage.parts)
        if (part.starts_with("code.")) out.insert(value);
  return out;
}

void write_lock(const fs::path& pipeline_file, const LockedPipeline& locked) {
  const fs::path path = lock_path(pipeline_file);
  Json json = {{"format", kFormat}, {"pipelines", Json::object()}};
  if (fs::exists(path)) json = read_file_json(path);
  Json& stages = json["pipelines"][pipeline_file.filename().string()] = Json::object();
  for (const auto& [stage, entry] : locked) stages[stage] = stage_json(entry);
  write_file_durably(path, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

LockedPipeline lock(const Plan& plan, const ArtifactStore& store) {
  LockedPipeline out;
  std::string missing;
  ContentDigests contents(&store);
  for (const PlannedStage& stage : plan.stages) {
    if (!stage.wanted) continue;
    if (stage.state != StageState::cached) {
      missing += "\n  " + stage.id + ": " + stage.reason;
      continue;
    }
    LockedStage& locked = out[stage.id];
    locked.uses = stage.uses;
    locked.determinism = stage.determinism;
    locked.key = stage.key;
    locked.plugins = plugin_versions(stage);
    std::vector<std::string> digests;
    for (const PlannedInput& input : stage.inputs) digests.push_back(input.digest);
    for (const KeyPart& part : stage_key(stage, digests).parts)
      locked.parts[part.name] = part.value;
    for (const KeyPart& input : connections(stage, true)) locked.inputs[input.name] = input.value;
    for (const InputPath& path : stage.input_paths)
      for (const auto& [name, digest] : contents.files(path.pattern))
        locked.files[path.parameter][name] = digest;
    for (const PlannedOutput& output : stage.outputs) locked.outputs[output.port] = output.digest;
  }
  contents.save(store);
  if (!missing.empty())
    throw LockError("these stages have no result yet; `lehr run " + plan.pipeline_file.string() +
                    "` makes them:" + missing);
  return out;
}

LockComparison compare(const LockedPipeline& locked, const Plan& plan, const ArtifactStore* store) {
  LockComparison out;
  ContentDigests contents(store);
  for (const PlannedStage& stage : plan.stages) {
    const auto found = locked.find(stage.id);
    if (found == locked.end() && !stage.wanted) continue;
    if (!stage.wanted)
      out.refused.push_back("stage " + quoted(stage.id) +
                            " is locked, and skipped now: " + stage.reason);
    else if (found == locked.end())
      out.refused.push_back("stage " + quoted(stage.id) + " (" + stage.where +
                            ") is not in the lock file");
    else
      StageComparison(stage, out).run(found->second, contents);
  }
  for (const auto& [id, stage] : locked)
    if (plan.find(id) == nullptr)
      out.refused.push_back("stage " + quoted(id) + " is locked, and no longer in the pipeline");
  return out;
}

std::vector<std::string> compare_outputs(const LockedPipeline& locked, const std::string& stage,
                                         const StageResult& result) {
  std::vector<std::string> out;
  const auto found = locked.find(stage);
  if (found == locked.end()) return out;
  for (const auto& [port, digest] : found->second.outputs) {
    const auto made = result.outputs.find(port);
    const std::string now = made == result.outputs.end() ? "nothing" : made->second.digest;
    if (now == digest) continue;
    out.push_back("stage " + quoted(stage) + ": output " + quoted(port) + " is " + now +
                  ", locked is " + digest);
    if (found->second.determinism == "none")
      out.back() +=
          " (the stage does not promise the same bytes: bring the locked ones along with `lehr "
          "store export` and `import`)";
  }
  return out;
}

}  // namespace lehr::runtime
