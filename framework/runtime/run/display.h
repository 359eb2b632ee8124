// How a run is shown. The executor tells what happens as JSON objects (the same that go into
// events.ndjson); a display turns them into a live terminal, plain lines or JSON.
//
// Besides the host's own events (stage_spec.h), each with "stage":
//   run_started    {"run", "pipeline", "store", "stages": [ids]}
//   stage_cached   {"key", "results"}
//   stage_started  {"key", "reason", "device", "gpus"}: gpus: those it has for itself, if any
//   stage_finished {"key", "seconds", "taken", "results", "made_as"}: taken: it was not computed
//                  here; made_as: but as this stage of the same run
//   stage_failed   {"message", "plugin", "log"}   stage_stopped  {}   stage_blocked {"by"}
//   stage_retry    {"message", "log", "attempt", "of", "seconds"}: it failed, and is tried again
//                  after so many seconds
//   stage_timeout  {"seconds", "grace"}: it is asked to stop   stage_skipped {"reason"}
//   gate           {"metric", "value", "limit", "passed", "where", "message"}: message: there is no
//                  such result, or it is not finite (value is null)
//   output         {"name", "path", "type", "digest", "changed"}
//   output_failed  {"name", "message"}
//   output_kept    {"name", "path", "stage_skipped"}: it stands there from an earlier run
//   stopping       {"reason"}: reason: unless a signal is
//   run_finished   {"status", "code", "seconds"}
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace lehr::runtime {

class Display {
 public:
  virtual ~Display() = default;
  virtual void event(const nlohmann::ordered_json& event) = 0;
  // The event stage_cached, of which there are thousands in a moment; line: its JSON.
  virtual void cached(const std::string& stage, std::string_view line) = 0;
  // Called before anything is waited for, and about ten times a second while something runs: what
  // was told is shown now.
  virtual void tick() {}
  // Nobody can be shown anything any more: the terminal is closed, the reader of a pipe has gone,
  // the disk of a file is full. What is told from then on is dropped.
  virtual bool is_lost() const { return false; }
};

// One live line per running stage, redrawn in place below the lines of what has ended. fd: a
// terminal.
std::unique_ptr<Display> terminal_display(int fd, bool color);
// A line when something starts, ends or is worth saying; progress every few seconds.
std::unique_ptr<Display> plain_display(int fd);
// Every event as one JSON line.
std::unique_ptr<Display> json_display(int fd);

}  // namespace lehr::runtime
