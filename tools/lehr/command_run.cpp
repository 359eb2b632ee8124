// lehr run: does what `lehr plan` says, shows it live, and ends with a summary.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <map>

#include "command.h"
#include "evaluation_table.h"
#include "locked.h"
#include "replica_table.h"
#include "runtime/plan/planner.h"
#include "runtime/run/executor.h"
#include "runtime/run/human_text.h"
#include "runtime/run/output_folder.h"
#include "terminal_text.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;
using runtime::StageOutcome;
using runtime::StageStatus;

std::string key_results(const StageOutcome& outcome) {
  if (!outcome.message.empty() || !outcome.result) return outcome.message;
  std::string out;
  int shown = 0;
  for (const auto& [name, number] : outcome.result->results) {
    if (number.is_volatile || shown++ == 4) continue;
    if (shown > 4) break;
    out += (out.empty() ? "" : ", ") + name + " " + runtime::number_text(number.value);
  }
  return out;
}

// Of stages with a seed in their matrix: mean and deviation, as `lehr runs show` has them.
std::string replica_summary(const runtime::RunOutcome& outcome) {
  if (std::none_of(outcome.stages.begin(), outcome.stages.end(), [](const StageOutcome& stage) {
        return stage.id.find("seed=") != std::string::npos;
      }))
    return "";
  runtime::RunRecord record;
  for (const StageOutcome& stage : outcome.stages) {
    record.stages.emplace_back().id = stage.id;
    if (stage.result) record.stages.back().results = stage.result->results;
  }
  return replica_text(replicated_results(record), "seed", line_limit(STDOUT_FILENO));
}

void print_summary(const runtime::RunOutcome& outcome) {
  std::map<StageStatus, std::size_t> counts;
  TextTable table("llrl");
  table.row({"stage", padded("status", 9), "    time", "results"});
  for (const auto& stage : outcome.stages) {
    ++counts[stage.status == StageStatus::taken ? StageStatus::ran : stage.status];
    if (stage.status == StageStatus::skipped) continue;
    table.row({stage.id, name(stage.status),
               stage.seconds > 0 ? runtime::duration_text(stage.seconds) : "-",
               key_results(stage)});
  }
  std::cout << "\n"
            << table.text() << replica_summary(outcome) << "\nrun " << outcome.run << ": "
            << counts[StageStatus::ran] << " ran, " << counts[StageStatus::cached] << " cached, ";
  for (const auto& [status, count] : counts)
    if (count > 0 && status != StageStatus::ran && status != StageStatus::cached)
      std::cout << count << " " << name(status) << ", ";
  std::cout << runtime::duration_text(outcome.seconds) << "\n";
}

void print_tables(const runtime::Plan& plan, const runtime::RunOutcome& outcome,
                  const runtime::ArtifactStore& store) {
  for (std::size_t i = 0; i < plan.stages.size(); ++i)
    for (const auto& output : plan.stages[i].outputs)
      if (output.type == kEvaluation && outcome.stages[i].result)
        std::cout << evaluation_table(store, plan.stages[i].id,
                                      outcome.stages[i].result->outputs.at(output.port).digest);
}

// A number of jobs that changes nothing: each stage takes all threads unless it says otherwise.
void say_if_none_run_side_by_side(const runtime::Plan& plan, std::size_t jobs) {
  std::vector<std::uint32_t> threads;
  for (const auto& stage : plan.stages)
    if (stage.state == runtime::StageState::run || stage.state == runtime::StageState::maybe)
      threads.push_back(stage.threads);
  if (jobs < 2 || threads.size() < 2) return;
  std::partial_sort(threads.begin(), threads.begin() + 2, threads.end());
  if (threads[0] + threads[1] > plan.threads)
    std::cerr << "lehr: --jobs " << jobs << ": no two of the stages fit into the pipeline's "
              << plan.threads << (plan.threads == 1 ? " thread" : " threads")
              << "; give them a share with resources: {threads: N}\n";
}

// Before anything runs: what stands where an output is to go and is not ours will still stand there
// when it ends.
void check_output_folders(const runtime::Plan& plan) {
  for (const auto& output : plan.outputs) {
    if (plan.find(output.stage)->state == runtime::StageState::skip) continue;
    if (const std::string why = runtime::why_not_ours(output.to); !why.empty())
      throw CommandError(kUsage, output.where + ": output '" + output.name + "': '" +
                                     output.to.string() + "' " + why +
                                     ". Move it away, or name another folder with 'to'");
  }
}

}  // namespace

void add_run(Command app, Options& options, int& exit_code) {
  Command command = app.add("run", "Run a pipeline: what has not changed is taken from the store");
  add_pipeline_options(command, options);
  add_locked_option(command, options);
  add_selection_options(command, options);
  auto run = std::make_shared<runtime::RunOptions>();
  auto dry = std::make_shared<bool>(false);
  command.flag("-k,--keep-going", run->keep_going,
               "After a failure, go on with what does not depend on it");
  command.option("-j,--jobs", run->jobs, "Stages at one time, at most (default: as many as fit)")
      .type_name("N")
      .range(1, 4096);
  command.flag("-n,--dry-run", *dry, "Print the plan, run nothing (as `lehr plan`)");
  add_json_option(command, options, "Tell what happens as JSON, one event a line");
  command.footer(
      example("lehr run pipelines/quickstart.yaml --set stages.dpo.with.beta=0.2\n"
              "  lehr run pipelines/quickstart.yaml --until base --keep-going\n"
              "  lehr run pipelines/quickstart.yaml --force exam"));
  command.run([&, run, dry] {
    if (*dry) return print_plan(options, exit_code);
    LoadedPipeline* loaded = load_pipeline(options, exit_code);
    if (!loaded) return;
    const fs::path host = host_program();
    // What is refused leaves nothing behind: a store that is not there is made once all agree.
    auto store = store_if_there(options);
    auto found = runtime::look_up(loaded->plan, store.get());
    if (options.locked && !accept_lock(loaded->plan, store.get(), exit_code)) return;
    check_output_folders(loaded->plan);
    if (!ask_plugins(loaded->plan, runtime::Advice::rules, store.get(), options, exit_code)) return;
    if (!store) {
      store = std::make_unique<runtime::ArtifactStore>(store_folder(options));
      found.contents.save(*store);
      found.lock = store->shared_lock();
    }
    say_if_none_run_side_by_side(loaded->plan, run->jobs);
    runtime::RunOutcome outcome;
    {
      const auto display = display_for(options);
      outcome = runtime::execute(loaded->plan, *store, *display, host, std::move(found.lock), *run);
    }
    exit_code = outcome.code;
    if (options.locked && !outputs_as_locked(loaded->plan, outcome) && exit_code == kOk)
      exit_code = kStageFailed;
    if (options.json) return;
    print_summary(outcome);
    if (outcome.code == kOk) print_tables(loaded->plan, outcome, *store);
    if (outcome.code == kResumable) std::cout << "stopped; the same command goes on from here\n";
  });
}

}  // namespace lehr::cli
