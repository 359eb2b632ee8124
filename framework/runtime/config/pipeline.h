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
  std::string metric, op;  // op: ">=", ">", "<=", "<", "==", "!="
  double limit = 0;
  Origin origin;
};

struct StageConfig {
  std::string id;    // with a matrix: "dpo@beta=0.05"
  std::string base;  // the name in the file: "dpo"
  Origin origin;     // of that name
  std::string uses;
  Origin uses_origin;
  std::vector<InputConfig> inputs;
  NodePtr with;  // null if there is none
  std::vector<RequireConfig> require;
  std::uint64_t seed = 0;
  std::uint32_t threads = 1;
  std::string device = "cpu";
};

struct OutputConfig {
  std::string name;
  Reference reference;
};

struct Pipeline {
  std::string name;
  std::filesystem::path file;
  std::uint64_t seed = 0;
  std::uint32_t threads = 2;
  std::vector<StageConfig> stages;  // in the order of the file
  std::vector<OutputConfig> outputs;
};

// Loads and reads `file`. All mistakes go to `diagnostics`; what could be understood is returned,
// so that the planner can look for more.
Pipeline load_pipeline(const std::filesystem::path& file, const std::vector<std::string>& sets,
                       Diagnostics& diagnostics);

}  // namespace lehr::runtime
