// lehr run: does what `lehr plan` says, shows it live, and ends with a summary.
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "command.h"
#include "locked.h"
#include "runtime/plan/planner.h"
#include "runtime/run/executor.h"
#include "runtime/run/human_text.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;
using runtime::StageOutcome;
using runtime::StageStatus;

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string key_results(const StageOutcome& outcome) {
  if (!outcome.message.empty()) return outcome.message;
  std::string out;
  int shown = 0;
  for (const auto& [name, number] : outcome.result.results) {
    if (number.is_volatile || shown++ == 4) continue;
    if (shown > 4) break;
    out += (out.empty() ? "" : ", ") + name + " " + runtime::number_text(number.value);
  }
  return out;
}

void print_summary(const runtime::RunOutcome& outcome) {
  std::size_t width = 5, ran = 0, cached = 0;
  for (const auto& stage : outcome.stages) width = std::max(width, stage.id.size());
  std::cout << "\n" << padded("stage", width) << "  status         time  results\n";
  for (const auto& stage : outcome.stages) {
    ran += stage.status == StageStatus::ran || stage.status == StageStatus::taken;
    cached += stage.status == StageStatus::cached;
    const std::string time = stage.seconds > 0 ? runtime::duration_text(stage.seconds) : "-";
    std::string line = padded(stage.id, width) + "  " + padded(name(stage.status), 11) +
                       std::string(time.size() < 8 ? 8 - time.size() : 0, ' ') + time + "  " +
                       key_results(stage);
    line.erase(line.find_last_not_of(' ') + 1);
    std::cout << line << "\n";
  }
  std::cout << "\nrun " << outcome.run << ": " << ran << " ran, " << cached << " cached, "
            << runtime::duration_text(outcome.seconds) << "\n";
}

// The table an evaluation brings, if the last stage that makes an evaluation has one.
void print_table(const runtime::RunOutcome& outcome, const runtime::ArtifactStore& store) {
  for (auto stage = outcome.stages.rbegin(); stage != outcome.stages.rend(); ++stage)
    for (const auto& [port, output] : stage->result.outputs) {
      const fs::path table = store.artifact_path(output.digest) / "table.txt";
      if (output.type != "evaluation" || !fs::exists(table)) continue;
      std::cout << "\n" << runtime::read_file(table);
      return;
    }
}

// outputs: {final: dpo} -> outputs/<pipeline>/final in the store's folder, a link to the artifact.
void link_outputs(const runtime::Plan& plan, const runtime::RunOutcome& outcome,
                  const runtime::ArtifactStore& store, bool tell) {
  for (const auto& wanted : plan.outputs)
    for (const auto& stage : outcome.stages) {
      const auto output = stage.result.outputs.find(wanted.port);
      if (stage.id != wanted.stage || output == stage.result.outputs.end()) continue;
      const fs::path link = store.root() / "outputs" / plan.name / wanted.name;
      runtime::make_folders(link.parent_path());
      const fs::path fresh = link.string() + ".new-" + std::to_string(::getpid());
      fs::remove(fresh);
      fs::create_directory_symlink(fs::path("../../artifacts") / output->second.digest, fresh);
      runtime::rename_path(fresh, link);
      if (tell) std::cout << wanted.name << ": " << link.string() << "\n";
    }
}

}  // namespace

void add_run(CLI::App& app, Options& options, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("run", "Run a pipeline: what has not changed is taken from the store");
  add_pipeline_options(*command, options);
  add_locked_option(*command, options);
  add_json_option(*command, options, "Tell what happens as JSON, one event a line");
  command->footer(example("lehr run pipelines/quickstart.yaml --set stages.dpo.with.beta=0.2"));
  command->callback([&] {
    auto loaded = load_pipeline(options, exit_code);
    if (!loaded) return;
    const fs::path host = host_program();
    const runtime::ArtifactStore store(store_folder(options));
    runtime::look_up(loaded->plan, &store);
    if (options.locked && !accept_lock(loaded->plan, &store, exit_code)) return;
    runtime::RunOutcome outcome;
    {
      const auto display = display_for(options);
      outcome = runtime::execute(loaded->plan, store, *display, host);
    }
    exit_code = outcome.code;
    if (options.locked && !outputs_as_locked(loaded->plan, outcome) && exit_code == kOk)
      exit_code = kStageFailed;
    if (outcome.code == kOk) link_outputs(loaded->plan, outcome, store, !options.json);
    if (options.json) return;
    print_summary(outcome);
    if (outcome.code == kOk) print_table(outcome, store);
    if (outcome.code == kResumable) std::cout << "stopped; the same command goes on from here\n";
  });
}

}  // namespace lehr::cli
