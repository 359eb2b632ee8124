// What a running stage can ask of the host: the services of abi.h over one stage's specification,
// work folder and event pipe.
#pragma once

#include <lehr/abi.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "durable_state.h"
#include "event_pipe.h"
#include "plugin_library.h"
#include "reward_process.h"
#include "runtime/run/stage_spec.h"
#include "runtime/store/store.h"
#include "value_tree.h"

namespace lehr::host {

// Enough of a host for a plugin to describe itself: no context exists yet, so no service is ever
// called.
const lehr_host* bare_services();
// The services of a running stage.
const lehr_host* stage_services();

// Set by SIGTERM and SIGINT.
bool stop_requested();
void request_stop();

}  // namespace lehr::host

// One running stage. Members are used by the services from any thread of the stage; what they
// change is guarded.
struct lehr_context {
  using Json = nlohmann::ordered_json;
  struct Input {
    std::string port, label, digest, path, facets;  // facets: JSON
    lehr::runtime::Artifact artifact;
  };

  lehr_context(const lehr::runtime::StageSpec& spec, const Json& description,
               lehr::host::EventPipe& events, lehr::host::DurableState& state);

  // Loads the plugins of the stage's document steps and starts its rewards. Throws LoadError,
  // std::runtime_error.
  void open_items(const lehr::host::PluginLibrary& own);

  const lehr::runtime::StageSpec& spec;
  const Json description;  // of the stage
  lehr::host::EventPipe& events;
  lehr::host::DurableState& state;
  lehr::host::ValueTree parameters;
  std::vector<Input> inputs;
  std::map<std::string, std::string, std::less<>> outputs;  // port -> absolute path

  std::atomic<std::int64_t> commits = 0;
  std::atomic<bool> lost_result = false;  // one that the stage gave could not be kept
  std::atomic<bool> nameless_result = false;
  std::atomic<bool> gave_up_reward = false;  // the stage has gone on without its scores

  std::mutex mutex;                                         // guards all below
  std::map<std::string, lehr::runtime::Facets> facets_set;  // by port
  lehr::runtime::NamedResults results;
  std::string failure;           // what the stage said last
  std::string service_failure;   // why a service last failed
  std::deque<std::string> kept;  // strings whose pointers were handed out

  std::map<std::string, std::unique_ptr<lehr::host::PluginLibrary>> libraries;  // by plugin name
  std::deque<lehr::host::ValueTree> step_values;
  struct Step {
    const lehr_step* table;
    const lehr_value* values;
    std::string name;
  };
  std::map<std::string, std::vector<Step>, std::less<>> steps;  // by parameter
  std::map<std::string, std::vector<std::unique_ptr<lehr::host::RewardProcess>>, std::less<>>
      rewards;
};
