// The checks of `lehr doctor`. Each looks at one thing that can be wrong on a machine, by doing
// what a run would do where that is possible (locking, renaming, starting the host).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/plugin/plugin_registry.h"

namespace lehr::cli {

struct Finding {
  enum class State { good, warning, error };  // error: pipelines cannot be run
  State state = State::good;
  std::string what;    // "host program"
  std::string detail;  // what was seen
  std::string fix;     // what to do; empty where nothing is wrong
};

// `store`: the folder that a run here would use; it need not exist, and is not made.
std::vector<Finding> examine_machine(const runtime::PluginRegistry& registry,
                                     const std::filesystem::path& store);

}  // namespace lehr::cli
