// The record of one run: runs/<run>/.
//
//   plan.json                     what was planned; {"format": 1, "pipeline": name, ...}
//   keys                          one stage key a line: what this run reaches (for gc)
//   events.ndjson                 everything that happened, one JSON object a line
//   run.json                      how it ended
//   stages/<id>/metrics.jsonl     {"step", "name", "value", "time"}
//   stages/<id>/log.txt           what the stage logged and printed
//   stages/<id>/events.out.tfevents...   the metrics again, for TensorBoard
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/store/durable_file.h"
#include "runtime/store/event_file.h"

namespace lehr::runtime {

class RunLog {
 public:
  // Makes runs/<time>-<pipeline>-<random>/ and holds its lease as long as the object lives.
  RunLog(const std::filesystem::path& store_root, std::string_view pipeline);
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  const std::string& id() const { return id_; }
  const std::filesystem::path& folder() const { return folder_; }
  // In any thread, beside all else.
  void write_plan(std::string_view plan) const;
  void add_keys(const std::vector<std::string>& keys);
  // Brings to disk that there is this run, and the keys it has so far; and so does finish(). Where
  // nothing is to be done neither waits for the disk: lost with the power within half a minute,
  // such a run has said nothing that the runs do not say which made the results.
  void sync();
  // Events are written in batches: call flush() before waiting for something.
  void event(const nlohmann::ordered_json& event);
  void event_line(std::string_view event);  // the same as text, without its end of line
  void flush();
  void metric(const std::string& stage, std::int64_t step, std::string_view name, double value);
  void log(const std::string& stage, std::string_view text);  // a newline is added
  // Closes the stage's files; what is still told about it opens them again.
  void close(const std::string& stage);
  void finish(const nlohmann::ordered_json& summary, bool durably = true);
  std::filesystem::path stage_folder(const std::string& stage);

 private:
  struct StageFiles {
    FileDescriptor metrics, log;
    std::unique_ptr<EventFile> events;
  };
  StageFiles& files(const std::string& stage);
  void sync_keys();

  std::string id_;
  std::filesystem::path folder_;
  FileDescriptor lease_, keys_, events_;
  bool has_new_keys_ = false;  // that are not on disk
  std::string waiting_events_;
  std::map<std::string, StageFiles> stages_;
};

struct RunEntry {
  std::string id, pipeline, status;  // status: "running", "interrupted", or what finish() was given
  std::filesystem::path folder;
  std::int64_t unix_time = 0;
  std::filesystem::file_time_type began;  // orders runs that began in one second
  double seconds = 0;
  std::vector<std::string> keys;
};

// True while some process has the RunLog of this folder.
bool is_running(const std::filesystem::path& folder);
// nullopt: the folder is no run's.
std::optional<RunEntry> read_run_entry(const std::filesystem::path& folder);
// Newest first. Folders that are no runs are left out.
std::vector<RunEntry> list_runs(const std::filesystem::path& store_root);

// A stage id as a folder name: what is not a letter, digit or one of "._@=+,-" becomes '_'. One
// that is changed by that, or cut because it is long, ends in '~' and eight digits of the id's
// SHA-256: "a@n=x/y" and "a@n=x_y" have folders of their own.
std::string folder_name(std::string_view stage_id);
// What a run has kept of a stage: stages/<folder_name>, or what a run has that was made when names
// had no such ending.
std::filesystem::path stage_folder(const std::filesystem::path& run, std::string_view stage_id);

}  // namespace lehr::runtime
