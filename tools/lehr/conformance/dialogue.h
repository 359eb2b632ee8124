// One lehr-host heard to its end.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/run/stage_process.h"

namespace lehr::conformance {

struct Dialogue {
  runtime::StageProcess::Ending ending;
  bool in_time = true;                 // false: it was killed when patience ran out
  std::deque<std::string> last_lines;  // what the plugin printed
};

// Reads until the process has ended. event: sees every event, and may ask the process to stop.
// patience: how long it may take from now, or from the last time `event` returned true.
Dialogue hear(runtime::StageProcess& process, std::chrono::milliseconds patience,
              const std::function<bool(const nlohmann::ordered_json&)>& event);

}  // namespace lehr::conformance
