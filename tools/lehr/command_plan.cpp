// lehr plan: what `lehr run` would do, and why. It may do less than this prints, never more.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>

#include "command.h"
#include "runtime/plan/planner.h"
#include "runtime/run/human_text.h"

namespace lehr::cli {
namespace {

using Json = nlohmann::ordered_json;
using runtime::StageState;

const char* color_of(StageState state) {
  return state == StageState::cached ? "\033[32m"
         : state == StageState::run  ? "\033[33m"
         : state == StageState::skip ? "\033[2m"
                                     : "\033[36m";
}

std::string padded(const std::string& text, std::size_t width) {
  return text.size() >= width ? text : text + std::string(width - text.size(), ' ');
}

std::string flop_text(double flops) {
  static const char* units[] = {" GFLOP", " TFLOP", " PFLOP", " EFLOP"};
  int unit = 0;
  for (flops /= 1e9; flops >= 999.5 && unit < 3; ++unit) flops /= 1000;
  return runtime::number_text(flops < 100 ? std::round(flops * 10) / 10 : std::round(flops)) +
         units[unit];
}

// "1.46k steps, 6M tokens, 5.9M parameters, 228 TFLOP, 410.0 MiB memory"; empty: nothing is known.
std::string estimate_text(const Json& estimate) {
  std::string out;
  const auto add = [&](const char* name, const auto& text) {
    if (estimate.is_object() && estimate.contains(name))
      out += (out.empty() ? "" : ", ") + text(estimate[name].get<double>());
  };
  const auto counted = [](const char* unit) {
    return [unit](double n) { return runtime::count_text(n) + unit; };
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
  return out;
}

using Row = std::vector<std::string>;

// One row a stage; columns that are empty everywhere are left out, the last one is not padded.
void print_rows(const runtime::Plan& plan, const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  const bool color = use_color(STDOUT_FILENO);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      if (c > 0 && widths[c] == 0) continue;
      line += (c == 0 ? "" : "  ") + padded(rows[r][c], widths[c]);
      if (c == 0 && color) line = color_of(plan.stages[r].state) + line + "\033[0m";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    std::cout << "  " << line << "\n";
  }
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
    if (stage.state != StageState::cached) known_seconds += stage.last_seconds.value_or(0);
    rows.push_back({padded(name(stage.state), 6), padded(stage.id, 5), stage.uses,
                    stage.last_seconds ? "took " + runtime::duration_text(*stage.last_seconds) : "",
                    estimate_text(stage.estimate), stage.reason});
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
  for (const auto& stage : plan.stages)
    if (stage.estimate.is_object() && stage.estimate.contains("error"))
      std::cerr << "lehr: warning: stage '" << stage.id
                << "': no estimate: " << stage.estimate["error"].get<std::string>() << "\n";
}

}  // namespace

void print_plan(const Options& options, int& exit_code) {
  auto loaded = load_pipeline(options, exit_code);
  if (!loaded) return;
  const auto folder = store_folder(options);
  std::optional<runtime::ArtifactStore> store;
  if (std::filesystem::is_directory(folder)) store.emplace(folder);
  runtime::look_up(loaded->plan, store ? &*store : nullptr);
  if (!ask_plugins(loaded->plan, runtime::Advice::rules_and_estimates, store ? &*store : nullptr,
                   options, exit_code))
    return;
  if (options.json)
    std::cout << loaded->plan.json();
  else
    print(loaded->plan, folder);
}

void add_plan(Command app, Options& options, int& exit_code) {
  Command command = app.add(
      "plan",
      "Show what `lehr run` would do, why, and what it would need, without running anything");
  add_pipeline_options(command, options);
  add_selection_options(command, options);
  add_json_option(command, options, "The whole plan as JSON; mistakes as a JSON list");
  command.footer(example("lehr plan pipelines/quickstart.yaml --set stages.dpo.with.beta=0.2"));
  command.run([&] { print_plan(options, exit_code); });
}

}  // namespace lehr::cli
