// lehr compare: two runs side by side.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>

#include "artifact_argument.h"
#include "change_text.h"
#include "command.h"
#include "replica_table.h"
#include "runtime/report/comparison.h"
#include "runtime/report/sparkline.h"
#include "runtime/run/human_text.h"
#include "terminal_text.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using runtime::duration_text;
using runtime::MetricPair;
using runtime::MetricPoint;
using runtime::number_text;
using runtime::RunRecord;
using runtime::StageComparison;
using runtime::StageRecord;

constexpr std::size_t kCurveWidth = 12;

std::string time_text(double seconds) { return seconds > 0 ? duration_text(seconds) : "-"; }

// "ran 15s"; "cached (took 15s)".
std::string status_text(const StageRecord& stage) {
  const std::string took = stage.made_seconds > 0 ? duration_text(stage.made_seconds) : "";
  if (stage.status == "ran") return "ran " + time_text(stage.seconds);
  return stage.status + (took.empty() ? "" : " (took " + took + ")");
}

// Neither results nor metrics: it was not begun.
bool never_began(const StageRecord& stage) {
  return stage.status == "not reached" || stage.status == "blocked" || stage.status == "skipped" ||
         stage.status == "not run";
}

std::string number_or_dash(const std::optional<double>& number) {
  return number ? number_text(*number) : "-";
}

std::string difference_text(const std::optional<double>& a, const std::optional<double>& b) {
  if (!a || !b || !std::isfinite(*a) || !std::isfinite(*b)) return "";
  const double difference = *b - *a;
  if (difference == 0) return "=";
  std::string out = (difference < 0 ? "-" : "+") + number_text(std::fabs(difference));
  if (*a != 0 && std::fabs(difference / *a) < 10) {
    char percent[24];
    std::snprintf(percent, sizeof percent, " (%+.1f %%)", 100 * difference / std::fabs(*a));
    out += percent;
  }
  return out;
}

struct Scale {
  double low = std::numeric_limits<double>::infinity(), high = -low;
};

Scale scale_of(const MetricPair& metric) {
  Scale scale;
  for (const auto* points : {&metric.a, &metric.b})
    for (const MetricPoint& point : *points)
      if (std::isfinite(point.value)) {
        scale.low = std::min(scale.low, point.value);
        scale.high = std::max(scale.high, point.value);
      }
  return scale;
}

// The first and the last value; two cells of the table.
void add_ends(std::vector<std::string>& cells, const std::vector<MetricPoint>& points) {
  for (const bool last : {false, true})
    cells.push_back(points.empty() ? "-"
                                   : number_text((last ? points.back() : points.front()).value));
}

std::string curve(const std::vector<MetricPoint>& points, const Scale& scale) {
  std::vector<double> values;
  for (const MetricPoint& point : points) values.push_back(point.value);
  return values.empty() ? "" : runtime::sparkline(values, kCurveWidth, scale.low, scale.high);
}

void print_results(const StageComparison& stage, bool all, std::size_t width) {
  TextTable table("lrrl");
  std::size_t equal = 0;
  for (const auto& result : stage.results) {
    if (!all && (!result.differs() || result.is_volatile)) {
      equal += !result.is_volatile;
      continue;
    }
    if (table.empty()) table.row({"results", "a", "b", "b - a"});
    table.row({"  " + result.name, number_or_dash(result.a), number_or_dash(result.b),
               difference_text(result.a, result.b)});
  }
  std::cout << table.text("  ", width);
  if (equal > 0)
    std::cout << "  " << equal << (table.empty() ? "" : " more")
              << (equal == 1 ? " result" : " results") << " equal\n";
}

void print_metrics(const StageComparison& stage, std::size_t width) {
  TextTable table("lrrrrll");  // numbers first: what is cut is a curve
  for (const MetricPair& metric : stage.metrics) {
    if (table.empty()) table.row({"metrics", "a first", "last", "b first", "last", "a", "b"});
    const Scale scale = scale_of(metric);
    std::vector<std::string> cells = {"  " + metric.name};
    add_ends(cells, metric.a);
    add_ends(cells, metric.b);
    cells.push_back(curve(metric.a, scale));
    cells.push_back(curve(metric.b, scale));
    table.row(std::move(cells));
  }
  std::cout << table.text("  ", width);
}

void print_outputs(const StageComparison& stage) {
  for (const auto& output : stage.outputs) {
    std::cout << "  artifact " << output.port << ": ";
    if (output.a.empty() || output.b.empty())
      std::cout << "not in the store "
                << (output.a.empty() && output.b.empty() ? "any more"
                    : output.a.empty()                   ? "for a"
                                                         : "for b")
                << "\n";
    else if (output.a == output.b)
      std::cout << "the same bytes (" << output.a.substr(0, 12) << ")\n";
    else
      std::cout << "different (" << output.a.substr(0, 12) << " -> " << output.b.substr(0, 12)
                << ")\n";
  }
}

void print_run(const char* letter, const RunRecord& run) {
  std::cout << letter << "  " << run.entry.id << "  " << run.entry.status << "  "
            << time_text(run.entry.seconds) << "\n";
}

void print(const RunRecord& a, const RunRecord& b, const std::vector<StageComparison>& stages,
           const std::vector<runtime::ReplicatedResult>& replicas, bool all) {
  const std::size_t width = line_limit(STDOUT_FILENO);
  print_run("a", a);
  print_run("b", b);
  std::string same;
  for (const StageComparison& stage : stages) {
    if (stage.same) {
      same += (same.empty() ? "" : ", ") + stage.id;
      continue;
    }
    std::cout << "\n" << stage.id;
    if (!stage.a || !stage.b) {
      std::cout << "  only in " << (stage.a ? "a: " : "b: ")
                << status_text(stage.a ? *stage.a : *stage.b) << "\n";
      continue;
    }
    std::cout << "  a: " << status_text(*stage.a) << ", b: " << status_text(*stage.b) << "\n";
    for (const auto& [letter, record] : {std::pair{"a", stage.a}, {"b", stage.b}})
      if (!record->message.empty()) std::cout << "  " << letter << ": " << record->message << "\n";
    if (never_began(*stage.a) || never_began(*stage.b)) continue;
    // Inputs can be compared only where the store still has both results.
    const bool inputs = !stage.a->outputs.empty() && !stage.b->outputs.empty();
    std::cout << change_text(stage.a->parts, stage.b->parts, inputs ? "" : "in.", "  ");
    print_results(stage, all, width);
    print_metrics(stage, width);
    print_outputs(stage);
  }
  if (!same.empty()) std::cout << "\nthe same in both: " << same << "\n";
  std::cout << replica_text(replicas, "seed", width);
}

Json curve_json(const std::vector<MetricPoint>& points) {
  if (points.empty()) return nullptr;
  return {{"steps", points.size()},
          {"first", points.front().value},
          {"last", points.back().value},
          {"last_step", points.back().step}};
}

Json run_json(const RunRecord& run) {
  return {{"run", run.entry.id},
          {"pipeline", run.entry.pipeline},
          {"status", run.entry.status},
          {"seconds", run.entry.seconds}};
}

Json stage_json(const StageComparison& stage) {
  Json out = {{"id", stage.id}, {"same", stage.same}};
  for (const auto& [letter, record] : {std::pair{"a", stage.a}, {"b", stage.b}})
    out[letter] = record ? Json{{"status", record->status},
                                {"seconds", record->seconds},
                                {"made_seconds", record->made_seconds}}
                         : Json();
  if (stage.same || !stage.a || !stage.b) return out;
  out["changes"] = Json::array();
  for (const auto& c : stage.changes)
    out["changes"].push_back({{"name", c.name},
                              {"a", c.before},
                              {"b", c.after},
                              {"where_a", c.where_before},
                              {"where_b", c.where_after}});
  out["results"] = out["metrics"] = out["artifacts"] = Json::object();
  for (const auto& r : stage.results) {
    out["results"][r.name] = {{"a", r.a ? Json(*r.a) : Json()}, {"b", r.b ? Json(*r.b) : Json()}};
    if (r.is_volatile) out["results"][r.name]["volatile"] = true;
  }
  for (const auto& m : stage.metrics)
    out["metrics"][m.name] = {{"a", curve_json(m.a)}, {"b", curve_json(m.b)}};
  for (const auto& o : stage.outputs)
    out["artifacts"][o.port] = {{"a", o.a}, {"b", o.b}, {"same", !o.a.empty() && o.a == o.b}};
  return out;
}

// The newest run of b's pipeline that began before it.
const runtime::RunEntry& run_before(const std::vector<runtime::RunEntry>& runs,
                                    const runtime::RunEntry& b) {
  bool older = false;
  for (const auto& run : runs) {
    if (older && run.pipeline == b.pipeline) return run;
    older |= run.id == b.id;
  }
  throw CommandError(
      kUsage, "there is no run of '" + b.pipeline + "' before " + b.id + " to compare it with");
}

}  // namespace

void add_compare(Command app, Options& options, int&) {
  Command command =
      app.add("compare", "Compare two runs: parameters, results, metrics, artifacts, times");
  auto names = std::make_shared<std::vector<std::string>>();
  auto all = std::make_shared<bool>(false);
  command
      .option("RUN", *names,
              "Two runs, older first; one is compared with the run of the same pipeline "
              "before it; none: the last. A name or part of it, last, last~1")
      .expected(0, 2)
      .type_name("RUN");
  command.flag("--all", *all, "Also results that are equal, and timings");
  add_artifact_options(command, options);
  add_json_option(command, options, "The comparison as JSON");
  command.footer(example("lehr compare last~1 last -p pipelines/quickstart.yaml"));
  command.run([&options, names, all] {
    const fs::path store = existing_store(options);
    const auto runs = chosen_runs(store, options);
    const auto& second = runtime::find_run(runs, names->empty() ? "last" : names->back());
    const auto& first =
        names->size() == 2 ? runtime::find_run(runs, names->front()) : run_before(runs, second);
    const RunRecord a = runtime::read_run(store, first), b = runtime::read_run(store, second);
    const auto stages = runtime::compare_runs(a, b, store);
    const auto replicas = runtime::replicated_differences(a, b);
    if (!options.json) return print(a, b, stages, replicas, *all);
    Json out = {{"a", run_json(a)}, {"b", run_json(b)}, {"stages", Json::array()}};
    for (const auto& stage : stages) out["stages"].push_back(stage_json(stage));
    if (!replicas.empty()) out["replicas"] = replica_json(replicas);
    std::cout << json_text(out);
  });
}

}  // namespace lehr::cli
