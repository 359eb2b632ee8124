// A reward plugin in a process of its own, as the stage sees it: started before the stage runs,
// asked for scores, gone with the stage. And the other side: the loop that such a process runs.
#pragma once

#include <lehr/abi.h>

#include <sys/types.h>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "runtime/store/durable_file.h"

namespace lehr::host {

// The reward did not answer, and the stage was asked to stop.
struct RewardGivenUp : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class RewardProcess {
 public:
  // Starts `lehr-host --reward`. full_name: "acme.brevity"; code: see PluginLibrary. Call from the
  // main thread, which outlives the process: the child asks to be killed with the thread that
  // started it. Throws std::runtime_error with the plugin's reason, RewardGivenUp.
  RewardProcess(std::string full_name, const std::filesystem::path& plugin, const std::string& code,
                const nlohmann::ordered_json& parameters);
  ~RewardProcess();

  // From any thread, one request at a time. Throws std::runtime_error: the reward failed or its
  // process died; RewardGivenUp: it was still at it some seconds after the stage was asked to stop,
  // and is killed.
  void score(const lehr_exchange* exchanges, std::size_t count, std::size_t stride, double* scores);

 private:
  nlohmann::ordered_json ask(const nlohmann::ordered_json& request);
  std::string name_;
  pid_t pid_ = -1;
  runtime::FileDescriptor socket_;
  std::mutex mutex_;
};

// The loop of a reward host over the inherited socket `fd`. Returns the exit code.
int serve_reward(int fd);

}  // namespace lehr::host
