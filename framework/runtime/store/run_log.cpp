#include "runtime/store/run_log.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>
#include <ctime>
#include <random>
#include <sstream>
#include <tuple>
#include <utility>

#include "runtime/store/json_text.h"
#include "runtime/store/sha256.h"
#include "text/strict_json.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostWaiting = 1 << 16;  // bytes of events
constexpr std::size_t kLongestName = 160;      // of a stage's folder; a file system allows 255

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string new_run_id(std::string_view pipeline) {
  const std::time_t seconds = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S-", &utc);
  char random[8];
  std::snprintf(random, sizeof random, "-%04x",
                static_cast<unsigned>(std::random_device()() & 0xffff));
  return stamp + folder_name(pipeline) + random;
}

std::string line(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

FileDescriptor open_log(const fs::path& path) {
  return open_file(path, O_WRONLY | O_CREAT | O_APPEND);
}

// Which several ids may share.
std::string harmless(std::string_view stage_id) {
  std::string out(stage_id);
  for (char& c : out)
    if (!std::isalnum(static_cast<unsigned char>(c)) &&
        std::string_view("._@=+,-").find(c) == std::string_view::npos)
      c = '_';
  if (out.empty() || out.front() == '.') out.insert(0, "_");
  return out;
}

bool has_stage(const fs::path& run, std::string_view stage_id) try {
  const auto plan = text::parse_json<nlohmann::json>(read_file(run / "plan.json"));
  const auto& stages = plan.at("stages");
  return std::any_of(stages.begin(), stages.end(), [&](const nlohmann::json& stage) {
    return stage.at("id").get_ref<const std::string&>() == stage_id;
  });
} catch (const std::exception&) {
  return false;
}

}  // namespace

std::string folder_name(std::string_view stage_id) {
  std::string out = harmless(stage_id);
  if (out == stage_id && out.size() <= kLongestName) return out;
  out.resize(std::min(out.size(), kLongestName));
  return out + "~" + sha256_hex(stage_id).substr(0, 8);
}

fs::path stage_folder(const fs::path& run, std::string_view stage_id) {
  const fs::path folder = run / "stages" / folder_name(stage_id);
  const std::string before = harmless(stage_id);
  std::error_code error;
  if (fs::exists(folder, error) || !fs::exists(run / "stages" / before, error)) return folder;
  // Unless that is another stage's, which has kept its name.
  return before == stage_id || has_stage(run, before) ? folder : run / "stages" / before;
}

RunLog::RunLog(const fs::path& store_root, std::string_view pipeline) {
  const fs::path runs = store_root / "runs";
  make_folders(runs);
  std::error_code error;
  do {
    id_ = new_run_id(pipeline);
    folder_ = runs / id_;
  } while (!fs::create_directory(folder_, error) && !error);
  if (error)
    throw IoError(
        "a run needs a store that it may write to (--store, LEHR_STORE): cannot make the folder",
        folder_, error.value());
  lease_ = open_file(folder_ / "lease", O_RDWR | O_CREAT);
  while (::flock(lease_.get(), LOCK_EX) != 0)  // at most a moment: somebody asks who is running
    if (errno != EINTR) throw IoError("cannot lock", folder_ / "lease", errno);
  keys_ = open_log(folder_ / "keys");
  events_ = open_log(folder_ / "events.ndjson");
}

RunLog::~RunLog() {
  try {
    flush();
  } catch (const IoError&) {  // a run that ends in an exception has more to say than this
  }
}

void RunLog::write_plan(std::string_view plan) const {
  write_file_atomically(folder_ / "plan.json", plan);
}

void RunLog::add_keys(const std::vector<std::string>& keys) {
  std::string lines;
  lines.reserve(65 * keys.size());
  for (const std::string& key : keys) (lines += key) += '\n';
  write_all(keys_.get(), lines, folder_ / "keys");
  has_new_keys_ = true;
}

// What the run reaches must outlive a power loss as long as its results do: gc asks for it.
void RunLog::sync_keys() {
  if (std::exchange(has_new_keys_, false)) fsync_path(folder_ / "keys");
}

void RunLog::sync() {
  sync_keys();
  fsync_path(folder_.parent_path());
}

void RunLog::event(const nlohmann::ordered_json& event) {
  std::string line;
  append_dump(line, event);
  event_line(line);
}

void RunLog::event_line(std::string_view event) {
  (waiting_events_ += event) += '\n';
  if (waiting_events_.size() > kMostWaiting) flush();
}

void RunLog::flush() {
  std::string events = std::exchange(waiting_events_, {});
  write_all(events_.get(), events, folder_ / "events.ndjson");
  events.clear();
  waiting_events_ = std::move(events);  // with its memory
}

fs::path RunLog::stage_folder(const std::string& stage) {
  return folder_ / "stages" / folder_name(stage);
}

RunLog::StageFiles& RunLog::files(const std::string& stage) {
  const auto found = stages_.find(stage);
  if (found != stages_.end()) return found->second;
  const fs::path folder = stage_folder(stage);
  make_folders(folder);
  StageFiles out;
  out.metrics = open_log(folder / "metrics.jsonl");
  out.log = open_log(folder / "log.txt");
  return stages_.emplace(stage, std::move(out)).first->second;
}

void RunLog::metric(const std::string& stage, std::int64_t step, std::string_view name,
                    double value) {
  StageFiles& out = files(stage);
  const double time = now();
  if (!out.events) {
    const auto file =
        "events.out.tfevents." + std::to_string(static_cast<std::int64_t>(time)) + ".lehr";
    out.events = std::make_unique<EventFile>(stage_folder(stage) / file, time);
  }
  out.events->scalar(name, step, value, time);
  write_all(out.metrics.get(),
            line({{"step", step}, {"name", name}, {"value", value}, {"time", time}}),
            stage_folder(stage) / "metrics.jsonl");
}

void RunLog::log(const std::string& stage, std::string_view text) {
  write_all(files(stage).log.get(), std::string(text) + "\n", stage_folder(stage) / "log.txt");
}

void RunLog::close(const std::string& stage) { stages_.erase(stage); }

void RunLog::finish(const nlohmann::ordered_json& summary, bool durably) {
  flush();
  const std::string text = summary.dump(1) + "\n";
  if (!durably) return write_file_atomically(folder_ / "run.json", text);
  sync_keys();
  write_file_durably(folder_ / "run.json", text);
}

bool is_running(const fs::path& folder) {
  const FileDescriptor lease(::open((folder / "lease").c_str(), O_RDONLY | O_CLOEXEC));
  return lease && ::flock(lease.get(), LOCK_SH | LOCK_NB) != 0;
}

std::optional<RunEntry> read_run_entry(const fs::path& folder) {
  RunEntry run;
  run.folder = folder;
  run.id = folder.filename().string();
  std::tm utc{};
  if (::strptime(run.id.c_str(), "%Y%m%d-%H%M%S", &utc) == nullptr || run.id.size() < 22)
    return std::nullopt;
  run.unix_time = ::timegm(&utc);
  std::error_code no_lease;
  run.began = fs::last_write_time(run.folder / "lease", no_lease);  // made first, never written
  run.pipeline = run.id.substr(16, run.id.size() - 16 - 5);
  try {
    std::istringstream keys(read_file(run.folder / "keys"));
    for (std::string key; std::getline(keys, key);) run.keys.push_back(key);
    run.status = is_running(run.folder) ? "running" : "interrupted";
    if (fs::exists(run.folder / "run.json")) {
      const auto summary = text::parse_json<nlohmann::json>(read_file(run.folder / "run.json"));
      run.status = summary.value("status", run.status);
      run.seconds = summary.value("seconds", 0.0);
    }
  } catch (const std::exception& e) {
    // Who cannot read what a run reaches must not take it for one that reaches nothing.
    const auto* unreadable = dynamic_cast<const IoError*>(&e);
    if (unreadable != nullptr && unreadable->error_number != ENOENT) throw;
    std::error_code error;
    if (!fs::exists(run.folder, error)) return std::nullopt;  // gc took it just now
    if (run.status.empty()) run.status = "damaged";
  }
  return run;
}

std::vector<RunEntry> list_runs(const fs::path& store_root) {
  std::vector<RunEntry> out;
  std::error_code error;
  for (fs::directory_iterator it(store_root / "runs", error), end; !error && it != end;
       it.increment(error))
    if (auto run = read_run_entry(it->path())) out.push_back(std::move(*run));
  if (error && error.value() != ENOENT)
    throw IoError("cannot list", store_root / "runs", error.value());
  std::sort(out.begin(), out.end(), [](const RunEntry& a, const RunEntry& b) {
    return std::tie(a.unix_time, a.began, a.id) > std::tie(b.unix_time, b.began, b.id);
  });
  return out;
}

}  // namespace lehr::runtime
