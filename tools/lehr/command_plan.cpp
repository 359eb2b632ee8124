// lehr plan: what `lehr run` would do, and why. It may do less than this prints, never more.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>

#include "command.h"
#include "locked.h"
#include "pipeline_graph.h"
#include "plan_warnings.h"
#include "runtime/plan/planner.h"
#include "runtime/run/human_text.h"
#include "terminal_text.h"

namespace lehr::cli {
namespace {

using Json = nlohmann::ordered_json;
using runtime::StageState;

std::string flop_text(double flops) {
  static const char* units[] = {" GFLOP", " TFLOP", " PFLOP", " EFLOP"};
  int unit = 0;
  for (flops /= 1e9; flops >= 999.5 && unit < 3; ++unit) flops /= 1000;
  return runtime::number_text(flops < 100 ? std::round(flops * 10) / 10 : std::round(flops)) +
         units[unit];
}

// "1.46k steps, 6M tokens, 5.9M parameters, 410.0 MiB memory; at most 228 TFLOP, about 12m 40s";
// empty: nothing is known.
std::string estimate_text(const Json& estimate) {
  if (!estimate.is_object()) return "";
  std::string out, most;
  const Json at_most = estimate.value("at_most", Json::array());
  const auto add = [&](const char* name, const auto& text) {
    if (!estimate.contains(name)) return;
    std::string& list = std::count(at_most.begin(), at_most.end(), name) > 0 ? most : out;
    list += (list.empty() ? "" : ", ") + text(estimate[name].get<double>());
  };
  const auto counted = [](const char* unit) {
    return [unit = std::string(unit)](double n) {
      return runtime::count_text(n) + (n == 1 ? unit.substr(0, unit.size() - 1) : unit);
    };
  };
  const auto bytes = [](const char* what) {
    return [what](double n) { return runtime::bytes_text(static_cast<std::uint64_t>(n)) + what; };
  };
  add("steps", counted(" steps"));
  add("tokens", counted(" tokens"));
  add("parameters", counted(" parameters"));
  add("flops", flop_text);
  add("memory", bytes(" memory"));
  add("disk", bytes(" disk"));
  add("seconds", [](double s) { return "about " + runtime::duration_text(s); });
  if (!most.empty()) out += (out.empty() ? "at most " : "; at most ") + most;
  return out;
}

using Row = std::vector<std::string>;

// "cuda", "cuda, 2 GPUs", "1 GPU"; empty on the CPU.
std::string device_text(const runtime::PlannedStage& stage) {
  const bool on_cuda = stage.device == "cuda";
  const std::string gpus = std::to_string(stage.gpus) + (stage.gpus == 1 ? " GPU" : " GPUs");
  if (!on_cuda) return stage.gpus > 0 ? gpus : "";
  return stage.gpus > 1 ? "cuda, " + gpus : "cuda";
}

std::string reason_text(const runtime::PlannedStage& stage) {
  if (!stage.checkpoint) return stage.reason;
  return stage.reason + "; goes on from checkpoint '" + *stage.checkpoint + "'";
}

// One row a stage; columns that are empty everywhere are left out.
void print_rows(const runtime::Plan& plan, const std::vector<Row>& rows) {
  std::vector<std::size_t> used;
  for (std::size_t c = 0; c < rows.front().size(); ++c)
    if (std::any_of(rows.begin(), rows.end(), [c](const Row& row) { return !row[c].empty(); }))
      used.push_back(c);
  const bool color = use_color(STDOUT_FILENO);
  TextTable table(std::string(used.size(), 'l'));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    Row cells;
    for (const std::size_t c : used) cells.push_back(rows[r][c]);
    if (color) cells[0] = color_of(plan.stages[r].state) + cells[0] + "\033[0m";
    table.row(std::move(cells));
  }
  std::cout << table.text("  ");
}

void print(const runtime::Plan& plan, const std::filesystem::path& store) {
  std::cout << plan.name << ": seed " << plan.seed << ", " << plan.threads
            << (plan.threads == 1 ? " thread" : " threads") << ", store " << store.string()
            << "\n\n";
  std::map<StageState, std::size_t> counts;
  std::vector<Row> rows;
  double known_seconds = 0;
  for (const auto& stage : plan.stages) {
    ++counts[stage.state];
    if (stage.state == StageState::run || stage.state == StageState::maybe)
      known_seconds += stage.last_seconds.value_or(0);
    rows.push_back({padded(name(stage.state), 6), padded(stage.id, 5), stage.uses,
                    device_text(stage),
                    stage.last_seconds ? "took " + runtime::duration_text(*stage.last_seconds) : "",
                    estimate_text(stage.estimate), reason_text(stage)});
  }
  if (!rows.empty()) print_rows(plan, rows);
  std::cout << "\n"
            << counts[StageState::cached] << " cached, " << counts[StageState::run] << " to run, "
            << counts[StageState::maybe] << " to run unless their inputs come out as before"
            << (counts[StageState::skip] > 0
                    ? ", " + std::to_string(counts[StageState::skip]) + " skipped"
                    : "")
            << "\n";
  if (known_seconds >= 1)
    std::cout << "the same stages took " << runtime::duration_text(known_seconds)
              << " when they last ran\n";
}

}  // namespace

void print_plan(const Options& options, int& exit_code) {
  LoadedPipeline* loaded = load_pipeline(options, exit_code);
  if (!loaded) return;
  const auto store = store_if_there(options);
  runtime::look_up(loaded->plan, store.get());
  if (options.locked && !accept_lock(loaded->plan, store.get(), exit_code)) return;
  if (!ask_plugins(loaded->plan, runtime::Advice::rules_and_estimates, store.get(), options,
                   exit_code))
    return;
  if (options.json) {
    std::cout << loaded->plan.json();
    return;
  }
  print(loaded->plan, store_folder(options));
  std::cerr << plan_warnings(loaded->plan, store.get());
}

void add_plan(Command app, Options& options, int& exit_code) {
  Command command = app.add(
      "plan",
      "Show what `lehr run` would do, why, and what it would need, without running anything");
  add_pipeline_options(command, options);
  add_locked_option(command, options);
  add_selection_options(command, options);
  add_json_option(command, options, "The whole plan as JSON; mistakes as a JSON list");
  command.footer(example("lehr plan pipelines/quickstart.yaml --set stages.dpo.with.beta=0.2"));
  command.run([&] { print_plan(options, exit_code); });
}

}  // namespace lehr::cli
