// lehr runs: what was run, newest first; and one run in full, with its replicas.
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <iostream>

#include "artifact_argument.h"
#include "command.h"
#include "evaluation_table.h"
#include "replica_table.h"
#include "runtime/report/replicas.h"
#include "runtime/run/human_text.h"
#include "terminal_text.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kFewestColumns = 20;  // that results are put in lines of

std::string local_time(std::int64_t unix_time) {
  const std::time_t time = unix_time;
  std::tm local{};
  ::localtime_r(&time, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
  return text;
}

std::string time_text(double seconds) {
  return seconds > 0 ? runtime::duration_text(seconds) : "-";
}

Json entry_json(const runtime::RunEntry& run) {
  return {{"run", run.id},          {"pipeline", run.pipeline},
          {"status", run.status},   {"unix_time", run.unix_time},
          {"seconds", run.seconds}, {"folder", run.folder.string()}};
}

void list_runs(const Options& options) {
  const fs::path folder = existing_store(options);
  const auto runs = chosen_runs(folder, options);
  if (options.json) {
    Json out = Json::array();
    for (const auto& run : runs) out.push_back(entry_json(run));
    std::cout << json_text(out);
    return;
  }
  if (runs.empty()) std::cout << "no runs yet in " << folder.string() << "\n";
  TextTable table("llrl");
  for (const auto& run : runs)
    table.row({local_time(run.unix_time), run.status, time_text(run.seconds), run.id});
  std::cout << table.text();
}

// In lines of at most `width` columns, if that is not 0; none breaks between a name and its number.
std::vector<std::string> result_lines(const runtime::StageRecord& stage, std::size_t width) {
  if (!stage.message.empty())
    return width > 0 ? wrapped(stage.message, width) : std::vector{stage.message};
  std::vector<std::string> lines(1);
  for (const auto& [name, number] : stage.results) {
    if (number.is_volatile) continue;
    const std::string result = name + " " + runtime::number_text(number.value);
    if (!lines.back().empty()) lines.back() += ",";
    if (width > 0 && !lines.back().empty() &&
        text_width(lines.back()) + 2 + text_width(result) > width)
      lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + result;
  }
  return lines;
}

// What is left of a line of `width` columns beside the others of the table; 0: all there is.
std::size_t room_for_results(const runtime::RunRecord& run, std::size_t width) {
  std::size_t name = 0, status = 0, time = 0;
  for (const auto& stage : run.stages) {
    name = std::max(name, text_width(stage.id));
    status = std::max(status, text_width(stage.status));
    time = std::max(time, text_width(time_text(stage.seconds)));
  }
  const std::size_t others = std::max(name, std::size_t{5}) + std::max(status, std::size_t{6}) +
                             std::max(time, std::size_t{4}) + 6;
  return width > others + kFewestColumns ? width - others : 0;
}

void print(const runtime::RunRecord& run, const std::string& axis) {
  const std::size_t width = line_limit(STDOUT_FILENO), room = room_for_results(run, width);
  std::cout << run.entry.id << ": " << run.entry.status << ", " << local_time(run.entry.unix_time)
            << (run.entry.seconds > 0 ? ", " + runtime::duration_text(run.entry.seconds) : "")
            << "\n"
            << run.file << ", seed " << run.seed << "\n\n";
  TextTable table("llrl");
  table.row({"stage", "status", "time", "results"});
  for (const auto& stage : run.stages) {
    const auto lines = result_lines(stage, room);
    table.row({stage.id, stage.status, time_text(stage.seconds), lines.front()});
    for (std::size_t i = 1; i < lines.size(); ++i) table.row({"", "", "", lines[i]});
  }
  std::cout << table.text("", width) << replica_text(replicated_results(run, axis), axis, width);
}

Json record_json(const runtime::RunRecord& run, const std::string& axis) {
  Json out = entry_json(run.entry);
  out["file"] = run.file;
  out["seed"] = run.seed;
  out["stages"] = Json::array();
  for (const auto& stage : run.stages) {
    Json item = {{"id", stage.id},
                 {"uses", stage.uses},
                 {"status", stage.status},
                 {"seconds", stage.seconds},
                 {"key", stage.key}};
    if (!stage.message.empty()) item["message"] = stage.message;
    item["results"] = item["outputs"] = Json::object();
    for (const auto& [name, number] : stage.results) item["results"][name] = number.value;
    for (const auto& [port, digest] : stage.outputs) item["outputs"][port] = digest;
    out["stages"].push_back(std::move(item));
  }
  out["replicas"] = replica_json(replicated_results(run, axis));
  return out;
}

void add_show(Command runs, Options& options) {
  Command command = runs.add(
      "show", "One run: how each stage ended; of replicas mean, deviation and what exceeds noise");
  auto name = std::make_shared<std::string>("last");
  auto axis = std::make_shared<std::string>("seed");
  command.option("RUN", *name, "A run's name or part of it, last, or last~1 for the one before")
      .show_default()
      .type_name("RUN");
  command.option("--replicas", *axis, "The axis of a matrix whose values are replicas")
      .show_default()
      .type_name("AXIS");
  add_artifact_options(command, options);
  add_json_option(command, options, "The same as JSON");
  command.footer(example("lehr runs show last~1 -p pipelines/quickstart.yaml"));
  command.run([&options, name, axis] {
    const fs::path store = existing_store(options);
    const auto runs = chosen_runs(store, options);
    const auto run = runtime::read_run(store, runtime::find_run(runs, *name));
    if (options.json) return void(std::cout << json_text(record_json(run, *axis)));
    print(run, *axis);
    const runtime::ArtifactStore artifacts(store);
    for (const auto& stage : run.stages)
      for (const auto& [port, digest] : stage.outputs)
        std::cout << evaluation_table(artifacts, stage.id, digest);
  });
}

}  // namespace

void add_runs(Command app, Options& options, int&) {
  Command command = app.add("runs", "List the runs, newest first, or show one");
  command.may_have_subcommand();
  add_artifact_options(command, options);
  add_json_option(command, options, "The list as JSON");
  command.footer(example(
      "lehr runs --store pipelines/.lehr\n  lehr runs show last -p pipelines/quickstart.yaml"));
  add_show(command, options);
  command.run([&options, command] {
    if (!command.has_chosen_subcommand()) list_runs(options);
  });
}

}  // namespace lehr::cli
