#include "runtime/report/run_record.h"

#include <fcntl.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <functional>
#include <limits>

#include "runtime/config/suggestion.h"
#include "runtime/store/checked_json.h"
#include "runtime/store/durable_file.h"
#include "runtime/store/json_member.h"
#include "runtime/store/store.h"
#include "text/whole_number.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

// Calls `line` for each line, valid JSON or not; however long the file is, little of it is in
// memory. A torn last line is no error: the run may be writing it.
void read_lines(const fs::path& path, const std::function<void(std::string_view)>& line) {
  constexpr std::size_t kPiece = 1 << 20, kLongest = 64 << 20;  // what is longer, nobody wrote
  std::error_code error;
  if (!fs::exists(path, error)) return;
  const FileDescriptor in = open_file(path, O_RDONLY);
  std::string text;
  while (true) {
    const std::size_t known = text.size();
    text.resize(known + kPiece);
    const ssize_t n = ::read(in.get(), text.data() + known, kPiece);
    if (n < 0 && errno != EINTR) throw IoError("cannot read", path, errno);
    text.resize(known + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    std::size_t begin = 0;
    for (std::size_t end; (end = text.find('\n', std::max(begin, known))) != text.npos;
         begin = end + 1)
      line(std::string_view(text).substr(begin, end - begin));
    if (n == 0) return line(text);
    text.erase(0, text.size() - begin > kLongest ? text.npos : begin);
  }
}

NamedResults results_of(const Json& event) {
  NamedResults out;
  if (!event.contains("results")) return out;
  for (const auto& [name, result] : event["results"].items()) {
    const Json& value = result.at("value");
    out[name] = {value.is_number() ? value.get<double>() : not_finite(result.value("text", "")),
                 result.value("volatile", false)};
  }
  return out;
}

StageRecord planned(const Json& stage) {
  StageRecord out;
  out.id = stage.at("id");
  out.uses = stage.at("uses");
  out.key = stage.value("key", "");
  if (stage.contains("key_parts"))
    for (const Json& part : stage["key_parts"])
      out.parts.push_back({part.at("name"), part.at("value"), part.value("where", "")});
  return out;
}

void apply(StageRecord& stage, const std::string& kind, const Json& event) {
  if (event.contains("key") && event["key"].is_string()) stage.key = event["key"];
  if (kind == "stage_started") stage.status = "running";
  if (kind == "stage_cached") stage.status = "cached", stage.results = results_of(event);
  if (kind == "stage_finished") {
    stage.status = event.value("taken", false) ? "taken" : "ran";
    stage.results = results_of(event);
    stage.seconds = event.value("seconds", 0.0);
  }
  if (kind == "stage_failed") stage.status = "failed", stage.message = event.value("message", "");
  if (kind == "stage_stopped") stage.status = "stopped";
  if (kind == "stage_skipped") stage.status = "skipped", stage.message = event.value("reason", "");
  if (kind == "stage_blocked")
    stage.status = "blocked", stage.message = "blocked by '" + event.value("by", "?") + "'";
  if (kind == "gate" && !event.value("passed", true)) {
    stage.status = "gate failed";
    const Json value = event.value("value", Json());
    char number[24] = "?";
    if (value.is_number()) std::snprintf(number, sizeof number, "%.4g", value.get<double>());
    stage.message = event.value("message", event.value("metric", "?") + " is " + number +
                                               ", required " + event.value("limit", "?"));
  }
}

// What the store still knows about how the result was made.
void add_result(StageRecord& stage, const std::string& run, const fs::path& store_root) {
  const bool has_result = !stage.results.empty() || stage.status == "cached" ||
                          stage.status == "ran" || stage.status == "taken" ||
                          stage.status == "gate failed";
  if (!has_result || !is_digest(stage.key)) return;
  stage.made_in = run;
  stage.made_as = stage.id;
  stage.made_seconds = stage.seconds;
  const fs::path path = store_root / "results" / (stage.key + ".json");
  std::error_code error;
  if (!fs::exists(path, error)) return;
  try {
    const StageResult result = StageResult::parse(read_checked_text(path));
    for (const auto& [port, output] : result.outputs) stage.outputs[port] = output.digest;
    for (const auto& [name, value] : result.key_parts)
      if (name.starts_with("in.")) stage.parts.push_back({name, value, ""});
    if (stage.results.empty()) stage.results = result.results;
    stage.made_in = result.run;
    stage.made_as = result.stage_id;
    stage.made_seconds = result.seconds;
  } catch (const std::exception&) {  // a damaged result: `lehr store verify` is there to say so
  }
}

}  // namespace

const StageRecord* RunRecord::find(const std::string& id) const {
  for (const StageRecord& stage : stages)
    if (stage.id == id) return &stage;
  return nullptr;
}

RunRecord read_run(const fs::path& store_root, const RunEntry& entry) {
  RunRecord out;
  out.entry = entry;
  std::error_code error;
  if (!fs::exists(entry.folder / "plan.json", error))
    throw StoreError("run " + entry.id + " ended before it had a plan");
  try {
    const Json plan = Json::parse(read_file(entry.folder / "plan.json"));
    out.entry.pipeline = plan.value("pipeline", entry.pipeline);
    out.file = plan.value("file", "");
    out.seed = text::whole_number<std::uint64_t>(plan, "seed", 0);
    for (const Json& stage : plan.at("stages")) out.stages.push_back(planned(stage));
    std::map<std::string, StageRecord*> by_id;
    for (StageRecord& stage : out.stages) by_id[stage.id] = &stage;
    read_lines(entry.folder / "events.ndjson", [&](std::string_view line) {
      const Json event = Json::parse(line, nullptr, false);
      if (!event.is_object()) return;
      const auto stage = by_id.find(event.value("stage", ""));
      if (stage != by_id.end()) apply(*stage->second, event.value("event", ""), event);
    });
  } catch (const text::JsonError& e) {
    throw StoreError("the record of run " + entry.id + " is malformed: " + e.what());
  } catch (const Json::exception& e) {
    throw StoreError("the record of run " + entry.id + " is malformed: " + e.what());
  }
  const bool going = entry.status == "running";
  for (StageRecord& stage : out.stages) {
    if (stage.status == "running" && !going) stage.status = "interrupted";
    if (stage.status.empty()) stage.status = going ? "waits" : "not reached";
    add_result(stage, entry.id, store_root);
  }
  return out;
}

const RunEntry& find_run(const std::vector<RunEntry>& runs, const std::string& name) {
  if (runs.empty()) throw NoSuchRun("the store holds no run yet");
  if (name == "last" || name.starts_with("last~")) {
    std::size_t back = 0;
    if (name != "last") {
      const auto [end, error] = std::from_chars(name.data() + 5, name.data() + name.size(), back);
      if (error != std::errc() || end != name.data() + name.size())
        throw NoSuchRun("'" + name + "' names no run: write last~1 for the one before the last");
    }
    if (back >= runs.size())
      throw NoSuchRun("'" + name + "' goes back further than the " + std::to_string(runs.size()) +
                      (runs.size() == 1 ? " run" : " runs") + " of the store");
    return runs[back];
  }
  const RunEntry* found = nullptr;
  std::vector<std::string> ids;
  for (const RunEntry& run : runs) {
    if (run.id == name) return run;
    ids.push_back(run.id);
    if (run.id.find(name) == std::string::npos) continue;
    if (found != nullptr)
      throw NoSuchRun("'" + name + "' names several runs: " + found->id + ", " + run.id +
                      " and perhaps more. Give more of the name");
    found = &run;
  }
  if (found == nullptr)
    throw NoSuchRun("there is no run '" + name + "'." + suggestion(name, ids, 0) +
                    " `lehr runs` lists them; 'last' is the newest");
  return *found;
}

std::map<std::string, std::vector<MetricPoint>> read_metrics(const fs::path& store_root,
                                                             const std::string& run,
                                                             const std::string& stage) {
  std::map<std::string, std::vector<MetricPoint>, std::less<>> found;
  const fs::path folder = stage_folder(store_root / "runs" / run, stage);
  simdjson::dom::parser parser;
  read_lines(folder / "metrics.jsonl", [&](std::string_view line) {
    simdjson::dom::object point;
    simdjson::dom::element member;
    std::string_view name;
    if (parse(line, parser).get(point) || point["name"].get(name)) return;
    MetricPoint out{0, std::numeric_limits<double>::quiet_NaN()};
    if (!point["step"].get(member) && member.get(out.step)) return;
    if (point["value"].get(out.value)) out.value = std::numeric_limits<double>::quiet_NaN();
    auto to = found.find(name);
    if (to == found.end()) to = found.emplace(name, std::vector<MetricPoint>()).first;
    to->second.push_back(out);
  });
  std::map<std::string, std::vector<MetricPoint>> out;
  for (auto& [name, points] : found) {
    const auto earlier = [](const MetricPoint& a, const MetricPoint& b) { return a.step < b.step; };
    const auto same = [](const MetricPoint& a, const MetricPoint& b) { return a.step == b.step; };
    std::stable_sort(points.begin(), points.end(), earlier);
    // What was told last of a step is the first from the end.
    points.erase(points.begin(), std::unique(points.rbegin(), points.rend(), same).base());
    out[name] = std::move(points);
  }
  return out;
}

}  // namespace lehr::runtime
