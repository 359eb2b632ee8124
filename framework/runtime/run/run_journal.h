// What happens in a run, told once and heard twice: by the run's own record and by whoever watches.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "runtime/run/display.h"
#include "runtime/store/json_text.h"
#include "runtime/store/run_log.h"
#include "runtime/store/stage_result.h"

namespace lehr::runtime {

class RunJournal {
 public:
  // Throws IoError.
  RunJournal(const std::filesystem::path& store_root, std::string_view pipeline, Display& display)
      : log_(store_root, pipeline), display_(display) {}

  RunLog& log() { return log_; }
  Display& display() { return display_; }

  // An event as display.h lists them. Progress, metrics and log lines come by the thousand and have
  // files of their own, so they stay out of events.ndjson.
  void tell(const nlohmann::ordered_json& event) {
    const auto& kind = event.at("event").get_ref<const std::string&>();
    if (kind != "progress" && kind != "metric" && kind != "log") log_.event(event);
    display_.event(event);
  }
  // more: further members; what a host sent names its event as well.
  void tell(const std::string& stage, const char* kind,
            nlohmann::ordered_json more = nlohmann::ordered_json::object()) {
    nlohmann::ordered_json::object_t event = {{"event", kind}, {"stage", stage}};
    for (auto& [name, value] : more.get_ref<nlohmann::ordered_json::object_t&>())
      if (name != "event" && name != "stage") event.emplace_back(name, std::move(value));
    tell(nlohmann::ordered_json(std::move(event)));
  }
  // "stage_cached", which comes by the thousand: as text at once.
  void tell_cached(const std::string& stage, const StageResult& result) {
    std::string line = "{";
    line.reserve(256);
    append_member(line, "event", "stage_cached");
    append_member(line, "stage", stage);
    append_member(line, "key", result.key);
    append_name(line, "results");
    append_json(line, result.results);
    line += '}';
    log_.event_line(line);
    display_.cached(stage, line);
  }

  // What was told reaches the disk and the eyes. Before anything is waited for.
  void flush() {
    log_.flush();
    display_.tick();
  }

 private:
  RunLog log_;
  Display& display_;
};

}  // namespace lehr::runtime
