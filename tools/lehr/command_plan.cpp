// lehr plan: what `lehr run` would do, and why. It may do less than this prints, never more.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <map>

#include "command.h"
#include "runtime/plan/planner.h"

namespace lehr::cli {
namespace {

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

void print(const runtime::Plan& plan, const std::filesystem::path& store) {
  std::size_t id_width = 5, uses_width = 4;
  for (const auto& stage : plan.stages) {
    id_width = std::max(id_width, stage.id.size());
    uses_width = std::max(uses_width, stage.uses.size());
  }
  const bool color = use_color(STDOUT_FILENO);
  std::cout << plan.name << ": seed " << plan.seed << ", " << plan.threads
            << (plan.threads == 1 ? " thread" : " threads") << ", store " << store.string()
            << "\n\n";
  std::map<StageState, std::size_t> counts;
  for (const auto& stage : plan.stages) {
    ++counts[stage.state];
    std::string line =
        padded(stage.id, id_width) + "  " + padded(stage.uses, uses_width) + "  " + stage.reason;
    line.erase(line.find_last_not_of(' ') + 1);
    std::cout << "  " << (color ? color_of(stage.state) : "") << padded(name(stage.state), 6)
              << (color ? "\033[0m" : "") << "  " << line << "\n";
  }
  std::cout << "\n"
            << counts[StageState::cached] << " cached, " << counts[StageState::run] << " to run, "
            << counts[StageState::maybe] << " to run unless their inputs come out as before"
            << (counts[StageState::skip] > 0
                    ? ", " + std::to_string(counts[StageState::skip]) + " skipped"
                    : "")
            << "\n";
}

}  // namespace

void print_plan(const Options& options, int& exit_code) {
  auto loaded = load_pipeline(options, exit_code);
  if (!loaded) return;
  const auto folder = store_folder(options);
  std::optional<runtime::ArtifactStore> store;
  if (std::filesystem::is_directory(folder)) store.emplace(folder);
  runtime::look_up(loaded->plan, store ? &*store : nullptr);
  if (options.json)
    std::cout << loaded->plan.json();
  else
    print(loaded->plan, folder);
}

void add_plan(CLI::App& app, Options& options, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "plan", "Show what `lehr run` would do, and why, without running anything");
  add_pipeline_options(*command, options);
  add_selection_options(*command, options);
  add_json_option(*command, options, "The whole plan as JSON; mistakes as a JSON list");
  command->footer(example("lehr plan pipelines/quickstart.yaml --set stages.dpo.with.beta=0.2"));
  command->callback([&] { print_plan(options, exit_code); });
}

}  // namespace lehr::cli
