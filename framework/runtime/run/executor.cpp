#include "runtime/run/executor.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <map>
#include <memory>
#include <set>

#include "runtime/run/output_folder.h"
#include "runtime/run/planned_spec.h"
#include "runtime/run/resource_pool.h"
#include "runtime/run/run_journal.h"
#include "runtime/run/run_state.h"
#include "runtime/run/running_stages.h"
#include "runtime/run/stage_attempt.h"
#include "runtime/run/stage_supplies.h"
#include "runtime/run/steady_seconds.h"
#include "runtime/run/stop_signals.h"
#include "runtime/run/stored_results.h"
#include "runtime/store/durable_file.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
namespace {

// Before the attempt after so many failed ones: what fails at once may have a reason that passes.
double pause_seconds(std::uint32_t failed_attempts) {
  return std::min(60.0, std::ldexp(1.0, static_cast<int>(std::min(failed_attempts, 7u)) - 1));
}

class Executor {
 public:
  // found: the lock under which the plan was looked up.
  Executor(const Plan& plan, const ArtifactStore& store, Display& display, const fs::path& host,
           FileDescriptor found, const RunOptions& options)
      : plan_(plan),
        store_(store),
        options_(options),
        journal_(store.root(), plan.name, display),
        // Beside the rest, where there is so much to write that it is worth a thread.
        plan_written_(
            std::async(plan.stages.size() < 64 ? std::launch::deferred : std::launch::async,
                       [this] { journal_.log().write_plan(plan_.json()); })),
        supplies_(host, store.root(), journal_.log().id()),
        pool_(plan),
        state_(plan),
        results_(plan, store),
        not_before_(plan.stages.size(), 0) {
    std::vector<std::string> keys;
    for (const PlannedStage& stage : plan.stages)
      if (stage.result) keys.push_back(stage.key);
    journal_.log().add_keys(keys);
    found.reset();  // gc sees now what this run relies on
  }

  RunOutcome run() {
    const double begin = steady_seconds();
    Json ids = Json::array();
    for (const PlannedStage& stage : plan_.stages)
      if (stage.state != StageState::skip) ids.push_back(stage.id);
    journal_.tell({{"event", "run_started"},
                   {"run", journal_.log().id()},
                   {"pipeline", plan_.name},
                   {"store", store_.root().string()},
                   {"stages", std::move(ids)}});
    tell_what_is_not_wanted();
    refuse_missing_gpus();
    start_what_can();
    const bool durably = has_work();
    if (durably) {
      plan_written_.get();
      journal_.log().sync();
    }
    while (!running_.empty() || is_pausing()) {
      if (!stopping_ && state_.undecided() > running_.at_work()) supplies_.keep_host_ready();
      wait();
      start_what_can();
    }
    if (!stopping_) give_up_retries();
    state_.end_the_rest(stopping_ ? StageStatus::stopped : StageStatus::not_run);
    int code =
        state_.exit_code() == kExitFailed && plugin_failed_ ? kExitPlugin : state_.exit_code();
    if (code == kExitOk && !put_outputs(plan_, state_.outcomes(), store_, journal_))
      code = kExitFailed;
    if (has_run_some_) results_.remember(state_.outcomes());
    if (!durably) plan_written_.get();
    RunOutcome out{code, journal_.log().id(), steady_seconds() - begin, state_.take_outcomes()};
    static const std::map<int, const char*> names = {
        {kExitOk, "ok"}, {kExitGate, "gate failed"}, {kExitResumable, "stopped"}};
    const auto named = names.find(out.code);
    const std::string status = named == names.end() ? "failed" : named->second;
    journal_.tell({{"event", "run_finished"},
                   {"status", status},
                   {"code", out.code},
                   {"seconds", out.seconds}});
    journal_.log().finish(
        {{"format", 1}, {"status", status}, {"code", out.code}, {"seconds", out.seconds}}, durably);
    return out;
  }

 private:
  bool has_work() const {
    return std::any_of(plan_.stages.begin(), plan_.stages.end(), [](const PlannedStage& stage) {
      return stage.state == StageState::run || stage.state == StageState::maybe;
    });
  }

  void tell(std::size_t index, const char* kind, Json more = Json::object()) {
    journal_.tell(plan_.stages[index].id, kind, std::move(more));
  }

  void tell_what_is_not_wanted() {
    for (std::size_t i = 0; i < plan_.stages.size(); ++i)
      if (plan_.stages[i].selected && !plan_.stages[i].wanted)
        tell(i, "stage_skipped", {{"reason", plan_.stages[i].reason}});
  }

  // Before anything runs, where it is certain to; else once the stage is about to start.
  void refuse_missing_gpus() {
    const std::vector<bool> certain = state_.certain_to_run();
    for (std::size_t i = 0; i < plan_.stages.size(); ++i)
      if (certain[i]) refuse_if_gpus_are_missing(i);
  }

  // True: refused, as what it waits for would never come.
  bool refuse_if_gpus_are_missing(std::size_t index) {
    const std::size_t wanted = plan_.stages[index].gpus;
    if (wanted <= pool_.gpus()) return false;
    fail(index,
         "it wants " + std::to_string(wanted) + (wanted == 1 ? " GPU" : " GPUs") +
             ", and there are " + std::to_string(pool_.gpus()) +
             " (CUDA_VISIBLE_DEVICES, else /dev/nvidia*; at most 'gpu' of the pipeline's "
             "resources)",
         {});
    return true;
  }

  // ---- starting ----

  // One walk in the plan's order over the stages that wait for room and those that something was
  // decided about: what follows from a decision stands later in the plan.
  void start_what_can() {
    for (auto waiting = to_start_.begin(); !stopping_;) {
      // Thousands may wait: they are not asked where none can start.
      if (!pool_.has_room() || !may_start()) waiting = to_start_.end();
      const std::size_t end = waiting == to_start_.end() ? plan_.stages.size() : *waiting;
      while (const auto index = state_.next_to_look_at(end)) look_at(*index);
      if (waiting == to_start_.end()) return;
      start_if_it_fits(*waiting++);
    }
  }

  void look_at(std::size_t index) {
    const RunState::Readiness readiness = state_.readiness(index);
    using Kind = RunState::Readiness::Kind;
    if (readiness.kind == Kind::waits) return;
    if (readiness.kind != Kind::ready) return leave(index, readiness);
    if (!check_gates(index, true) || take_hit(index) || refuse_if_gpus_are_missing(index)) return;
    to_start_.insert(index);
    start_if_it_fits(index);
  }

  void leave(std::size_t index, const RunState::Readiness& readiness) {
    using Kind = RunState::Readiness::Kind;
    if (readiness.kind == Kind::broken) return fail(index, readiness.why, {});
    if (readiness.kind == Kind::blocked) {
      state_.decide(index, StageStatus::blocked, "blocked by '" + readiness.why + "'");
      return tell(index, "stage_blocked", {{"by", readiness.why}});
    }
    state_.decide(index, StageStatus::skipped, readiness.why);
    tell(index, "stage_skipped", {{"reason", readiness.why}});
  }

  void start_if_it_fits(std::size_t index) {
    if (!may_start() || steady_seconds() < not_before_[index]) return;
    auto share = pool_.take(plan_.stages[index]);
    if (!share) return;
    to_start_.erase(index);
    start(index, std::move(*share));
  }

  // Some stage has failed and waits for its next attempt.
  bool is_pausing() const {
    if (stopping_ || (!options_.keep_going && state_.has_failed())) return false;
    return std::any_of(to_start_.begin(), to_start_.end(),
                       [&](std::size_t index) { return not_before_[index] > 0; });
  }

  bool may_start() const {
    return (options_.keep_going || !state_.has_failed()) &&
           (options_.jobs == 0 || running_.at_work() < options_.jobs);
  }

  // Found while planning, or only now that the inputs are known.
  bool take_hit(std::size_t index) {
    auto result = plan_.stages[index].result;
    if (!result) result = results_.find(index, state_.input_digests(index), journal_.log());
    if (!result) return false;
    journal_.tell_cached(plan_.stages[index].id, *result);
    state_.outcome(index).result = std::move(result);
    state_.decide(index, StageStatus::cached, "");
    check_gates(index, false);
    return true;
  }

  void start(std::size_t index, ResourcePool::Share share) {
    const PlannedStage& stage = plan_.stages[index];
    const std::uint32_t attempt = ++state_.outcome(index).attempts;
    Json started = {{"key", results_.key(index).key},
                    {"reason", attempt == 1 ? reason_to_start(stage)
                                            : "attempt " + std::to_string(attempt) + " of " +
                                                  std::to_string(stage.retries + 1)},
                    {"device", stage.device}};
    if (!share.gpus.empty()) started["gpus"] = share.gpus;
    tell(index, "stage_started", std::move(started));
    try {
      const StageAttempt::TimeLimit limit{stage.timeout_seconds, stage.grace_seconds,
                                          stage.timeout_where};
      StageSpec spec = planned_spec(stage, results_.key(index), state_.input_digests(index),
                                    trusted_, share.gpus, store_.root(), journal_.log().id());
      spec.spare_work = supplies_.take_folder();
      auto attempt = std::make_unique<StageAttempt>(spec, limit, supplies_.take_host(), journal_);
      running_.add({index, std::move(share), std::move(attempt), spec.spare_work});
    } catch (const std::exception& e) {
      pool_.give_back(share);
      attempt_failed(index, e.what(), {});
    }
  }

  // ---- listening ----

  void wait() {
    journal_.flush();
    running_.listen(signals_.fd());
    if (const int signal = signals_.take(); signal == SIGCONT)
      continue_hosts();
    else if (signal == SIGTSTP)
      stop_with_hosts();
    else if (signal != 0)
      stop(signal);
    if (!stopping_ && journal_.display().is_lost()) stop(0, "its output cannot be written");
    for (RunningStage* done : running_.done()) finish_early(*done);
    if (!stopping_) running_.watch_time();
    for (RunningStage& ended : running_.take_ended()) end(ended);
  }

  void stop(int signal, const char* reason = nullptr) {
    // When a terminal closes, the shell and the kernel each send a SIGHUP: none asks for haste.
    if (stopping_ && signal == SIGHUP) return;
    if (stopping_) {  // the second time
      running_.kill();
      ::_exit(128 + signal);
    }
    stopping_ = true;
    Json event = {{"event", "stopping"}};
    if (reason != nullptr) event["reason"] = reason;
    journal_.tell(event);
    running_.ask_to_stop();
  }

  // ---- ending ----

  // What comes next need not wait until the host has tidied up.
  void finish_early(RunningStage& r) {
    // The plugin could have written to the host's pipe: then the host's end tells what is true.
    auto result = results_.published(r.index);
    if (!result) return;
    r.settled = true;
    pool_.give_back(r.share);
    state_.outcome(r.index).seconds += r.attempt->seconds();
    finish(r.index, r.attempt->taken(), std::move(result));
  }

  void end(RunningStage& r) {
    using Kind = StageAttempt::Verdict::Kind;
    const StageAttempt::Verdict verdict = r.attempt->end();
    journal_.log().close(plan_.stages[r.index].id);
    supplies_.give_back(r.spare_work);
    if (r.settled) return;
    pool_.give_back(r.share);
    state_.outcome(r.index).seconds += r.attempt->seconds();
    switch (verdict.kind) {
      case Kind::finished:
      case Kind::taken:
        return finish(r.index, verdict.kind == Kind::taken, results_.published(r.index));
      case Kind::stopped:
        state_.decide(r.index, StageStatus::stopped, "");
        return tell(r.index, "stage_stopped");
      case Kind::failed:
        if (!verdict.cannot_load)
          return attempt_failed(r.index,
                                verdict.message + (verdict.cut_off ? goes_on_from(r.index) : ""),
                                verdict.last_lines);
        plugin_failed_ = true;
        return fail(r.index, verdict.message, verdict.last_lines);
    }
  }

  std::string goes_on_from(std::size_t index) const {
    const auto tag = store_.checkpoint(results_.key(index).key);
    return tag ? ". Run again, it goes on from checkpoint '" + *tag + "'" : "";
  }

  std::string changed_input(std::size_t index) const try {
    return results_.changed_input(index);
  } catch (const IoError&) {  // which the stage will have met too
    return "";
  }
  static std::string has_changed(const std::string& input) {
    return "'" + input + "' changed while the stage was reading it. Run again";
  }

  // Tries again if the pipeline says so. A plugin that cannot be loaded, inputs that changed and
  // gates would come out the same again; they do not come here.
  void attempt_failed(std::size_t index, const std::string& message,
                      const std::vector<std::string>& last_lines) {
    // What half a file or another one made it say is not what is wrong.
    if (const std::string changed = changed_input(index); !changed.empty())
      return fail(index, has_changed(changed) + " (the stage said: " + message + ")", last_lines);
    const std::uint32_t attempts = state_.outcome(index).attempts,
                        all = plan_.stages[index].retries + 1;
    if (attempts >= all || stopping_) return fail(index, message, last_lines);
    const double pause = pause_seconds(attempts);
    not_before_[index] = steady_seconds() + pause;
    state_.outcome(index).message = message;
    to_start_.insert(index);
    tell(index, "stage_retry",
         {{"message", message},
          {"log", last_lines},
          {"attempt", attempts + 1},
          {"of", all},
          {"seconds", pause}});
  }

  // Of stages that were to try again when another failed.
  void give_up_retries() {
    for (const std::size_t index : std::exchange(to_start_, {}))
      if (not_before_[index] > 0)
        fail(index,
             state_.outcome(index).message + "; not tried again, as another stage has failed", {});
  }

  // The host says that the result is in the store. taken: another stage of the same key made it,
  // mostly in another run.
  void finish(std::size_t index, bool taken, std::shared_ptr<const StageResult> result) {
    StageOutcome& outcome = state_.outcome(index);
    if (!result) return fail(index, "its result is not in the store", {});
    if (const std::string changed = taken ? "" : results_.take_back_if_changed(index);
        !changed.empty())
      return fail(index, has_changed(changed), {});
    outcome.result = std::move(result);
    has_run_some_ = true;
    for (const auto& [port, output] : outcome.result->outputs)
      if (!taken) trusted_.insert(output.digest);
    for (const std::string& digest : state_.input_digests(index))
      trusted_.insert(digest);  // the host has checked them
    state_.decide(index, taken ? StageStatus::taken : StageStatus::ran, "");
    Json event = {{"key", results_.key(index).key},
                  {"seconds", outcome.seconds},
                  {"taken", taken},
                  {"results", to_json(outcome.result->results)}};
    if (taken && outcome.result->run == journal_.log().id())
      event["made_as"] = outcome.result->stage_id;
    tell(index, "stage_finished", std::move(event));
    check_gates(index, false);
  }

  void fail(std::size_t index, const std::string& message,
            const std::vector<std::string>& last_lines) {
    state_.decide(index, StageStatus::failed, message);
    tell(index, "stage_failed",
         {{"message", message},
          {"plugin", plan_.stages[index].plugin->path.string()},
          {"log", last_lines}});
  }

  // The gates on the stage's own results, once it has some, on every hit as well: a limit may have
  // been changed since. foreign: those on other stages' results instead, before it starts. False:
  // one has failed, and the stage with it.
  bool check_gates(std::size_t index, bool foreign) {
    bool all_passed = true;
    for (const Gate& gate : plan_.stages[index].gates) {
      if (gate.stage.empty() == foreign) continue;
      RunState::GateVerdict verdict = state_.judge(index, gate);
      tell(index, "gate", std::move(verdict.event));
      if (verdict.passed) continue;
      all_passed = false;
      state_.decide(index, StageStatus::gate_failed, std::move(verdict.message));
    }
    return all_passed;
  }

  const Plan& plan_;
  const ArtifactStore& store_;
  const RunOptions options_;
  StopSignals signals_;
  RunJournal journal_;
  std::future<void> plan_written_;
  StageSupplies supplies_;
  ResourcePool pool_;
  RunState state_;
  StoredResults results_;
  std::vector<double> not_before_;  // when the next attempt may begin; 0: none has failed
  std::set<std::size_t> to_start_;  // ready and not in the store
  RunningStages running_;
  std::set<std::string> trusted_;  // artifacts whose content this run has made or checked
  bool stopping_ = false, plugin_failed_ = false, has_run_some_ = false;
};

}  // namespace

RunOutcome execute(const Plan& plan, const ArtifactStore& store, Display& display,
                   const fs::path& host, FileDescriptor found, const RunOptions& options) {
  return Executor(plan, store, display, host, std::move(found), options).run();
}

}  // namespace lehr::runtime
