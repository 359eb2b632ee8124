// lehr logs: what a stage logged and printed in a run; with --follow until the stage ends.
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iostream>

#include "artifact_argument.h"
#include "command.h"
#include "runtime/config/suggestion.h"
#include "runtime/report/run_record.h"
#include "runtime/store/durable_file.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;
using runtime::FileDescriptor;
using runtime::RunEntry;
using runtime::StageRecord;

constexpr int kLookAgainMs = 1000;  // where changes are not told, as on some network file systems

fs::path log_file(const fs::path& run, const std::string& stage) {
  return runtime::stage_folder(run, stage) / "log.txt";
}

bool is_over(const StageRecord& stage) {
  return stage.status != "running" && stage.status != "waits";
}

// The stage in the run, or the newest run that has one of this name. Reads no more plans than it
// must.
const RunEntry& run_of(const std::vector<RunEntry>& runs, const fs::path& store,
                       const std::string& stage) {
  std::vector<std::string> known;
  for (const RunEntry& run : runs) {
    try {
      const auto record = runtime::read_run(store, run);
      if (record.find(stage)) return run;
      if (known.empty())
        for (const StageRecord& other : record.stages) known.push_back(other.id);
    } catch (const runtime::StoreError&) {
    }
  }
  throw CommandError(kUsage,
                     "no run has a stage '" + stage + "'." + runtime::suggestion(stage, known));
}

// Prints what a file has beyond `offset`; returns the new end.
std::size_t print_from(const fs::path& file, std::size_t offset) {
  std::error_code error;
  if (!fs::exists(file, error)) return offset;
  const FileDescriptor in = runtime::open_file(file, O_RDONLY);
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::pread(in.get(), buffer, sizeof buffer, static_cast<off_t>(offset));
    if (got <= 0) break;
    std::cout.write(buffer, got);
    offset += static_cast<std::size_t>(got);
  }
  std::cout << std::flush;
  return offset;
}

// Where the last `lines` lines begin; 0 lines means all. Reads from the end: a log may be larger
// than the memory.
std::size_t tail_offset(const fs::path& file, std::size_t lines) {
  if (lines == 0 || !fs::exists(file)) return 0;
  const FileDescriptor in = runtime::open_file(file, O_RDONLY);
  char buffer[65536];
  const std::size_t size = fs::file_size(file);
  for (std::size_t end = size; end > 0;) {
    const std::size_t begin = end - std::min(end, sizeof buffer);
    const ssize_t got = ::pread(in.get(), buffer, end - begin, static_cast<off_t>(begin));
    if (got != static_cast<ssize_t>(end - begin)) throw runtime::IoError("cannot read", file, EIO);
    for (; end > begin; --end)  // the end of the last line ends none before it
      if (buffer[end - 1 - begin] == '\n' && end != size && --lines == 0) return end;
  }
  return 0;
}

// Waits until something under the run's folder may have changed.
class Changes {
 public:
  Changes() : inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {}
  void watch(const fs::path& path) {
    if (inotify_)
      ::inotify_add_watch(inotify_.get(), path.c_str(),
                          IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE);
  }
  void wait() {
    pollfd fd = {inotify_.get(), POLLIN, 0};
    ::poll(&fd, 1, kLookAgainMs);
    char buffer[4096];
    while (inotify_ && ::read(inotify_.get(), buffer, sizeof buffer) > 0) {
    }
  }

 private:
  FileDescriptor inotify_;
};

void follow(const fs::path& store, const fs::path& folder, const std::string& stage,
            std::size_t offset) {
  const fs::path file = log_file(folder, stage);
  Changes changes;
  changes.watch(folder);    // events, and the lease's close when the run ends
  std::uintmax_t told = 0;  // bytes of events when the run was read
  bool over = false;
  for (;;) {
    changes.watch(folder / "stages");
    changes.watch(file.parent_path());
    // Looked at before the file, so that what was written up to the end is printed. The record of a
    // large run is long, and most of what changes is the log itself.
    const bool running = runtime::is_running(folder);
    std::error_code error;
    const std::uintmax_t events = fs::file_size(folder / "events.ndjson", error);
    if (running && !error && events != told) {
      told = events;
      const auto entry = runtime::read_run_entry(folder);
      over = !entry || is_over(*runtime::read_run(store, *entry).find(stage));
    }
    const bool going = running && !over;
    offset = print_from(file, offset);
    if (!going || !std::cout) return;
    changes.wait();
  }
}

struct LogOptions {
  std::vector<std::string> names;
  bool follow = false;
  std::size_t tail = 0;
};

void logs(const Options& options, const LogOptions& wanted) {
  const fs::path store = existing_store(options);
  const auto runs = chosen_runs(store, options);
  const std::string& stage = wanted.names.back();
  const RunEntry& run = wanted.names.size() == 2 ? runtime::find_run(runs, wanted.names.front())
                                                 : run_of(runs, store, stage);
  const auto record = runtime::read_run(store, run);
  const StageRecord* found = record.find(stage);
  if (!found) {
    std::vector<std::string> known;
    for (const StageRecord& other : record.stages) known.push_back(other.id);
    throw CommandError(kUsage, "run " + run.id + " has no stage '" + stage + "'." +
                                   runtime::suggestion(stage, known));
  }
  fs::path file = log_file(run.folder, stage);
  if (!fs::exists(file) && !found->made_in.empty() && found->made_in != run.id) {
    file = log_file(store / "runs" / found->made_in, found->made_as);
    std::cerr << "lehr: stage '" << stage << "' was " << found->status << " in run " << run.id
              << "; it was computed in run " << found->made_in
              << (fs::exists(file)                              ? ":"
                  : fs::exists(store / "runs" / found->made_in) ? ", and logged nothing"
                                                                : ", whose log is gone")
              << "\n";
    return void(print_from(file, tail_offset(file, wanted.tail)));
  }
  if (!fs::exists(file) && (is_over(*found) || !wanted.follow)) {
    std::cerr << "lehr: stage '" << stage << "' logged nothing in run " << run.id << " ("
              << found->status << (found->message.empty() ? "" : ": " + found->message) << ")";
    const auto earlier =  // they stand newest first
        std::find_if(
            runs.begin() + (&run - runs.data()) + 1, runs.end(), [&](const RunEntry& other) {
              return other.pipeline == run.pipeline && fs::exists(log_file(other.folder, stage));
            });
    const bool any_run = wanted.names.size() == 1;
    if (earlier != runs.end())
      std::cerr << (any_run ? "; this is of run " + earlier->id + ":"
                            : "\nlehr: it did in run " + earlier->id + ": `lehr logs " +
                                  earlier->id + " " + stage + "`");
    std::cerr << "\n";
    if (earlier == runs.end() || !any_run) return;
    const fs::path there = log_file(earlier->folder, stage);
    return void(print_from(there, tail_offset(there, wanted.tail)));
  }
  const std::size_t offset = tail_offset(file, wanted.tail);
  if (wanted.follow)
    follow(store, run.folder, stage, offset);
  else
    print_from(file, offset);
}

}  // namespace

void add_logs(Command app, Options& options, int&) {
  Command command = app.add("logs", "Print what a stage logged, in the newest run that has it");
  auto wanted = std::make_shared<LogOptions>();
  command
      .option("STAGE", wanted->names,
              "The stage; before it perhaps a run: its name or part of it, last, last~1")
      .required()
      .expected(1, 2)
      .type_name("[RUN] STAGE");
  command.flag("-f,--follow", wanted->follow, "Go on printing until the stage ends");
  command.option("-n,--tail", wanted->tail, "Only the last N lines").at_least(1).type_name("N");
  add_artifact_options(command, options);
  command.footer(example(
      "lehr logs base --follow -p pipelines/quickstart.yaml\n  lehr logs last~1 base --tail 20"));
  command.run([&options, wanted] { logs(options, *wanted); });
}

}  // namespace lehr::cli
