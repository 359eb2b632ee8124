#include "runtime/run/executor.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>

#include "runtime/plan/input_content.h"
#include "runtime/run/run_journal.h"
#include "runtime/run/run_state.h"
#include "runtime/run/stage_attempt.h"
#include "runtime/run/stop_signals.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
namespace {

constexpr int kTickMs = 100;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Json results_json(const StageResult& result) {
  Json out = Json::object();
  for (const auto& [name, number] : result.results) {
    out[name] = {{"value", number.value}};
    if (number.is_volatile) out[name]["volatile"] = true;
  }
  return out;
}

// A stage whose host is alive.
struct Running {
  std::size_t index;
  std::unique_ptr<StageAttempt> attempt;
};

class Executor {
 public:
  Executor(const Plan& plan, const ArtifactStore& store, Display& display, const fs::path& host)
      : plan_(plan),
        store_(store),
        host_(host),
        journal_(store.root(), plan.name, display),
        state_(plan),
        keys_(plan.stages.size()) {}

  RunOutcome run() {
    const double begin = steady_seconds();
    Json ids = Json::array();
    for (const PlannedStage& stage : plan_.stages) ids.push_back(stage.id);
    journal_.log().write_plan(plan_.json());
    journal_.tell({{"event", "run_started"},
                   {"run", journal_.log().id()},
                   {"pipeline", plan_.name},
                   {"store", store_.root().string()},
                   {"stages", ids}});
    start_what_can();
    while (!running_.empty()) {
      wait();
      start_what_can();
    }
    state_.stop_the_rest();
    const int code =
        state_.exit_code() == kExitFailed && plugin_failed_ ? kExitPlugin : state_.exit_code();
    RunOutcome out{code, journal_.log().id(), steady_seconds() - begin, state_.outcomes()};
    static const std::map<int, const char*> names = {
        {kExitOk, "ok"}, {kExitGate, "gate failed"}, {kExitResumable, "stopped"}};
    const auto named = names.find(out.code);
    const std::string status = named == names.end() ? "failed" : named->second;
    journal_.tell({{"event", "run_finished"},
                   {"status", status},
                   {"code", out.code},
                   {"seconds", out.seconds}});
    journal_.log().finish(
        {{"format", 1}, {"status", status}, {"code", out.code}, {"seconds", out.seconds}});
    return out;
  }

 private:
  void tell(std::size_t index, const char* kind, const Json& more = Json::object()) {
    journal_.tell(plan_.stages[index].id, kind, more);
  }

  // ---- starting ----

  void start_what_can() {
    std::uint32_t busy = 0;
    for (const Running& r : running_) busy += plan_.stages[r.index].threads;
    bool changed = true;
    while (changed && !stopping_) {  // a decided stage may make others ready
      changed = false;
      for (std::size_t i = 0; i < plan_.stages.size(); ++i) {
        if (state_.decided(i) || is_running(i)) continue;
        const RunState::Readiness readiness = state_.readiness(i);
        if (readiness.kind == RunState::Readiness::Kind::waits) continue;
        if (readiness.kind == RunState::Readiness::Kind::blocked) {
          state_.decide(i, StageStatus::blocked, "blocked by '" + readiness.by + "'");
          tell(i, "stage_blocked", {{"by", readiness.by}});
          changed = true;
        } else if (take_hit(i)) {
          changed = true;
        } else if (const std::uint32_t threads = plan_.stages[i].threads;
                   running_.empty() || busy + threads <= plan_.threads) {
          start(i);
          busy += threads;
          changed = state_.decided(i);  // it could not be started
        }
      }
    }
  }

  bool is_running(std::size_t index) const {
    return std::any_of(running_.begin(), running_.end(),
                       [&](const Running& r) { return r.index == index; });
  }

  // The result may be there: found while planning, or only now that the inputs are known.
  bool take_hit(std::size_t index) {
    if (keys_[index].key.empty()) {
      keys_[index] = stage_key(plan_.stages[index], state_.input_digests(index));
      const FileDescriptor lock =
          store_.shared_lock();  // gc must see the key before it may take the result away
      journal_.log().add_key(keys_[index].key);
    }
    auto result = store_.find_result(keys_[index].key);
    if (!result || !has_all_outputs(index, *result)) return false;
    tell(index, "stage_cached", {{"key", keys_[index].key}, {"results", results_json(*result)}});
    state_.outcome(index).result = std::move(*result);
    state_.decide(index, StageStatus::cached, "");
    check_gates(index);
    return true;
  }

  bool has_all_outputs(std::size_t index, const StageResult& result) const {
    const auto& outputs = plan_.stages[index].outputs;
    return std::all_of(outputs.begin(), outputs.end(), [&](const PlannedOutput& output) {
      return result.outputs.contains(output.port);
    });
  }

  void start(std::size_t index) {
    const PlannedStage& stage = plan_.stages[index];
    tell(index, "stage_started", {{"key", keys_[index].key}, {"reason", stage.reason}});
    try {
      running_.push_back({index, std::make_unique<StageAttempt>(spec(index), host_, journal_)});
    } catch (const std::exception& e) {
      fail(index, e.what(), {});
    }
  }

  StageSpec spec(std::size_t index) {
    const PlannedStage& stage = plan_.stages[index];
    StageSpec out;
    out.store = store_.root();
    out.run = journal_.log().id();
    out.stage_id = stage.id;
    out.plugin = fs::absolute(stage.plugin->path);
    out.stage = stage.uses.substr(stage.uses.find('.') + 1);
    out.full_name = stage.uses;
    out.key = keys_[index].key;
    for (const KeyPart& part : keys_[index].parts)
      out.key_parts.emplace_back(part.name, part.value);
    out.parameters = stage.parameters;
    out.seed = stage.seed;
    out.threads = stage.threads;
    out.device = stage.device;
    const auto digests = state_.input_digests(index);
    for (std::size_t i = 0; i < stage.inputs.size(); ++i)
      out.inputs.push_back({stage.inputs[i].port, stage.inputs[i].label, digests[i],
                            !trusted_.contains(digests[i])});
    for (const auto* uses : {&stage.steps, &stage.rewards})
      for (const ItemUse& use : *uses)
        out.item_plugins[use.plugin->name] = fs::absolute(use.plugin->path);
    return out;
  }

  // ---- listening ----

  void wait() {
    std::vector<pollfd> fds = {{signals_.fd(), POLLIN, 0}};
    for (const Running& r : running_) r.attempt->add_to(fds);
    ::poll(fds.data(), fds.size(), kTickMs);
    if (const int signal = signals_.take(); signal != 0) stop(signal);
    std::vector<std::size_t> ended;
    for (std::size_t i = 0; i < running_.size(); ++i) {
      const pollfd* polled = &fds[1 + StageAttempt::kPollEntries * i];
      running_[i].attempt->listen(polled);
      if (StageAttempt::has_ended(polled)) ended.push_back(i);
    }
    for (auto it = ended.rbegin(); it != ended.rend(); ++it) {
      Running last = std::move(running_[*it]);
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(*it));
      end(last);
    }
    journal_.display().tick();
  }

  void stop(int signal) {
    if (stopping_) {  // the second time
      for (Running& r : running_) r.attempt->kill();
      ::_exit(128 + signal);
    }
    stopping_ = true;
    journal_.tell({{"event", "stopping"}});
    for (Running& r : running_) r.attempt->ask_to_stop();
  }

  // ---- ending ----

  void end(Running& r) {
    using Kind = StageAttempt::Verdict::Kind;
    const StageAttempt::Verdict verdict = r.attempt->end();
    state_.outcome(r.index).seconds = r.attempt->seconds();
    switch (verdict.kind) {
      case Kind::finished:
      case Kind::taken:
        return finish(r.index, verdict.kind == Kind::taken);
      case Kind::stopped:
        state_.decide(r.index, StageStatus::stopped, "");
        return tell(r.index, "stage_stopped");
      case Kind::failed:
        if (verdict.cannot_load) plugin_failed_ = true;
        return fail(r.index, verdict.message, verdict.last_lines);
    }
  }

  // The host says that the result is in the store. taken: another run made it.
  void finish(std::size_t index, bool taken) {
    StageOutcome& outcome = state_.outcome(index);
    auto result = store_.find_result(keys_[index].key);
    if (!result) return fail(index, "its result is not in the store", {});
    if (const std::string changed = changed_input(index); !changed.empty() && !taken) {
      store_.discard(store_.result_path(
          keys_[index].key));  // it was made from something else than its key says
      return fail(index, "'" + changed + "' changed while the stage was reading it. Run again", {});
    }
    outcome.result = std::move(*result);
    for (const auto& [port, output] : outcome.result.outputs)
      if (!taken) trusted_.insert(output.digest);
    for (const std::string& digest : state_.input_digests(index))
      trusted_.insert(digest);  // the host has checked them
    state_.decide(index, taken ? StageStatus::taken : StageStatus::ran, "");
    tell(index, "stage_finished",
         {{"key", keys_[index].key},
          {"seconds", outcome.seconds},
          {"taken", taken},
          {"results", results_json(outcome.result)}});
    check_gates(index);
  }

  // An input_path whose content is no longer what went into the key; empty: none.
  std::string changed_input(std::size_t index) const {
    ContentDigests contents(store_.root() / "cache" / "input-digests.json");
    for (const InputPath& input : plan_.stages[index].input_paths)
      for (const KeyPart& part : keys_[index].parts)
        if (part.name == "content." + input.parameter &&
            part.value != contents.describe(input.pattern))
          return input.pattern;
    return "";
  }

  void fail(std::size_t index, const std::string& message,
            const std::vector<std::string>& last_lines) {
    state_.decide(index, StageStatus::failed, message);
    tell(index, "stage_failed",
         {{"message", message},
          {"plugin", plan_.stages[index].plugin->path.string()},
          {"log", last_lines}});
  }

  // On every hit as well: a limit may have been changed since.
  void check_gates(std::size_t index) {
    for (const Gate& gate : plan_.stages[index].gates) {
      const auto& results = state_.outcome(index).result.results;
      const auto found = results.find(gate.metric);
      const bool passed = found != results.end() && gate.passes(found->second.value);
      Json event = {{"metric", gate.metric},
                    {"value", nullptr},
                    {"limit", gate.text()},
                    {"passed", passed},
                    {"where", gate.where}};
      if (found != results.end()) event["value"] = found->second.value;
      tell(index, "gate", event);
      if (passed) continue;
      state_.decide(index, StageStatus::gate_failed, gate.metric + " is not " + gate.text());
    }
  }

  const Plan& plan_;
  const ArtifactStore& store_;
  fs::path host_;
  StopSignals signals_;
  RunJournal journal_;
  RunState state_;
  std::vector<StageKey> keys_;
  std::vector<Running> running_;
  std::set<std::string> trusted_;  // artifacts whose content this run has made or checked
  bool stopping_ = false, plugin_failed_ = false;
};

}  // namespace

const char* name(StageStatus status) {
  static const char* names[] = {"cached",      "ran",     "taken",  "failed",
                                "gate failed", "blocked", "stopped"};
  return names[static_cast<int>(status)];
}

RunOutcome execute(const Plan& plan, const ArtifactStore& store, Display& display,
                   const fs::path& host) {
  return Executor(plan, store, display, host).run();
}

}  // namespace lehr::runtime
