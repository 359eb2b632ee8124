// Asks plugins what only their code knows (rules of a stage, estimates) without running a
// stage. Their code runs in `lehr-host --check`, one process per plugin: what crashes, exits or
// hangs there is that question's answer, and the questions after it are asked of a fresh process.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/run/awake_clock.h"

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

class PluginHosts {
 public:
  // host: the lehr-host program. patience: how long one answer may take.
  explicit PluginHosts(std::filesystem::path host,
                       std::chrono::milliseconds patience = std::chrono::seconds(30));
  ~PluginHosts();
  PluginHosts(const PluginHosts&) = delete;
  PluginHosts& operator=(const PluginHosts&) = delete;

  // Starts the process of a plugin that is going to be asked: most of an answer is loading it.
  // Throws IoError.
  void start(const std::filesystem::path& plugin, const std::string& code);
  // Answers in the order of the questions. Throws IoError, after which it is of no more use.
  std::vector<PluginAnswer> ask(const std::vector<PluginQuestion>& questions);

 private:
  class Interview;
  void listen(bool loading);
  const std::filesystem::path host_;
  const std::chrono::milliseconds patience_;
  AwakeClock clock_;  // by which patience ends
  std::map<std::filesystem::path, std::unique_ptr<Interview>> interviews_;  // by plugin
};

}  // namespace lehr::runtime
