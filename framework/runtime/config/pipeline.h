// The pipeline file as typed data: what the user declared, with references resolved and variants of
// a matrix written out, but nothing yet checked against plugins. What `with:` holds stays a tree;
// the binder types it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "runtime/config/diagnostics.h"
#include "runtime/config/node.h"

namespace lehr::runtime {

struct Reference {
  std::string text;  // "source.documents", "tokenizer", "dpo@beta=0.1"
  Origin origin;
};

struct InputConfig {
  std::string port;
  Origin origin;
  bool is_list = false;
  std::vector<Reference> references;
};

struct RequireConfig {
  std::string stage;       // whose result, as written; empty: the stage's own
  std::string metric, op;  // op: ">=", ">", "<=", "<", "==", "!="
  double limit = 0;
  Origin origin;
};

// `out: {report: documents}`, for stages that leave their outputs to the pipeline.
struct DeclaredOutput {
  std::string port, type;
  Origin origin;
};

// What a stage may take of the machine while it runs. Whatever runs at one time stays within the
// pipeline's own.
struct Resources {
  std::uint32_t threads = 2;
  Origin threads_origin;
  std::uint64_t memory = 0;  // bytes; a promise, not enforced. Pipeline: 0, what the machine has
  std::string memory_text;   // as it is written: "16GiB"
  Origin memory_origin;
  std::uint32_t gpus = 0;  // Pipeline: 0, what the machine has
  Origin gpus_origin;
  std::string device;  // "cpu", "cuda", "auto"; empty: nothing is said here
  Origin device_origin;
};

struct Timeout {
  double seconds = 0;         // of one attempt; 0: none
  double grace_seconds = 30;  // from being asked to stop until it is killed
  Origin origin;
};

struct StageConfig {
  std::string id;    // with a matrix: "dpo@beta=0.05"
  std::string base;  // the name in the file: "dpo"
  Origin origin;     // of that name
  std::string uses;
  Origin uses_origin;
  std::vector<InputConfig> inputs;
  bool inputs_known = true;  // no: what is missing among them may be meant by what was refused
  std::vector<DeclaredOutput> outputs;
  NodePtr with;  // null if there is none
  std::vector<RequireConfig> require;
  std::vector<RequireConfig> when;  // on results of other stages: wanted only if all hold
  std::string unwanted;             // why the stage is not wanted at all; empty: it is
  std::uint64_t seed = 0;
  Origin seed_origin;
  Resources resources;
  std::uint32_t retries = 0;
  Timeout timeout;
};

struct OutputConfig {
  std::string name;
  Reference reference;
  std::filesystem::path to;  // absolute
  bool link = false;
};

struct Pipeline {
  std::string name;
  std::filesystem::path file;
  std::uint64_t seed = 0;
  Origin seed_origin;
  Resources resources;
  std::vector<StageConfig> stages;  // in the order of the file
  std::vector<OutputConfig> outputs;
};

// Loads and reads `file`. All mistakes go to `diagnostics`; what could be understood is returned,
// so that the planner can look for more.
Pipeline load_pipeline(const std::filesystem::path& file, const std::vector<std::string>& sets,
                       Diagnostics& diagnostics);

}  // namespace lehr::runtime
