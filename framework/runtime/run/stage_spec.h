// What the stage host is told, one JSON file, and what it tells back, one JSON object a line on an
// inherited pipe. The same file is what Slurm or MPI would start a host with.
//
// Events from the host, member "event":
//   * started {"pid"}, resumed {"tag"}, waiting {} (another host has the lease)
//   * log {"level", "text"}, progress {"done", "total", "unit", "note"}
//   * metric {"step", "name", "value"} (value null: not finite; then "text" says which)
//   * phase {"name"}: "checking inputs", "running", "publishing"
//   * finished {"taken", "seconds"}: the result file is on disk; taken: another host made it
//   * failed {"message"}, cancelled {}
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/store/stage_result.h"

namespace lehr::runtime {

// Exit codes of lehr-host, and of `lehr run` where they mean the same.
enum ExitCode {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitConfig = 3,
  kExitPlugin = 4,
  kExitGate = 5,
  kExitResumable = 75,
};

struct SpecInput {
  std::string port, label;  // as the stage sees it; see PlannedInput::label
  std::string from;         // the stage that made it, for messages and lineage
  std::string digest;
  bool check = true;  // hash the content before use
};

struct StageSpec {
  std::filesystem::path store;
  std::string run, stage_id;
  std::filesystem::path plugin;
  std::string stage;      // its name within the plugin
  std::string full_name;  // "tokenizer.train"
  std::string key;
  bool force = false;  // run although a result with this key is there; the new one replaces it
  // An emptied work folder to begin with, if it is there, and where to leave one: making and
  // removing folders takes longer than many a stage. Empty: it is made, and removed.
  std::filesystem::path spare_work;
  KeyParts key_parts;
  nlohmann::ordered_json parameters;
  std::uint64_t seed = 0;
  std::uint32_t threads = 1;
  std::string device = "cpu";
  std::string gpus;              // CUDA_VISIBLE_DEVICES of the stage; empty: as it is
  std::uint64_t disk_bytes = 0;  // that its plugin estimates for the work folder; 0: not known
  std::vector<SpecInput> inputs;
  std::vector<std::pair<std::string, std::string>> declared_outputs;  // port, type: by the pipeline
  std::map<std::string, std::filesystem::path>
      item_plugins;  // of steps and rewards, by plugin name
  // For the conformance kit: the host kills itself right after that many commits of durable state
  // (0: never), is asked to stop after that many (0: before it runs, -1: never), and tells, as
  // event descriptors {"leaked": [...]}, what the stage left open.
  std::int64_t kill_after_commits = 0, stop_after_commits = -1;
  bool watch_descriptors = false;

  // The digest of a plugin's code as its key has it; empty: the key does not speak of it.
  std::string planned_code(std::string_view plugin_name) const;
  nlohmann::ordered_json to_json() const;
  // Throws StoreError.
  static StageSpec from_json(const nlohmann::ordered_json& json);
};

}  // namespace lehr::runtime
