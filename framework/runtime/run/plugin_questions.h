// Asks plugins what only their code knows (rules of a stage, estimates) without running a
// stage. Their code runs in `lehr-host --check`, one process per plugin: what crashes, exits or
// hangs there is that question's answer, and the questions after it are asked of a fresh process.
#pragma once

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lehr::runtime {

struct PluginQuestion {
  std::filesystem::path plugin;
  nlohmann::ordered_json json;  // see tools/lehr-host/plugin_answers.h
  std::string code = {};        // the digest its code must have; empty: any
};

struct PluginAnswer {
  std::string error;                    // empty: accepted
  bool broken = false;                  // not a refusal: the plugin did not load, crashed or hung
  nlohmann::ordered_json estimate;      // null: not asked
  nlohmann::ordered_json outputs = {};  // with it: what it tells of outputs, by port; or null
};

// Answers in the order of the questions. patience: how long one answer may take. host: the
// lehr-host program. Throws IoError.
std::vector<PluginAnswer> ask_plugins(
    const std::vector<PluginQuestion>& questions, const std::filesystem::path& host,
    std::chrono::milliseconds patience = std::chrono::seconds(30));

}  // namespace lehr::runtime
