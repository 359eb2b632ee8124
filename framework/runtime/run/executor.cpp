#include "runtime/run/executor.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <limits>
#include <memory>
#include <set>

#include "runtime/plan/input_content.h"
#include "runtime/run/stage_process.h"
#include "runtime/run/stage_spec.h"
#include "runtime/run/stop_signals.h"
#include "runtime/store/run_log.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
namespace {

constexpr int kTickMs = 100;
constexpr std::size_t kLastLines = 12;  // of a failed stage's output, shown with its error

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
  double begin;
  std::unique_ptr<StageProcess> process;
  std::deque<std::string> last_lines;
  std::string failure;  // what the host said
  double seconds = 0;
  bool finished = false, taken = false, cancelled = false;
};

class Executor {
 public:
  Executor(const Plan& plan, const ArtifactStore& store, Display& display, const fs::path& host)
      : plan_(plan), store_(store), display_(display), host_(host), log_(store.root(), plan.name) {
    outcomes_.resize(plan.stages.size());
    keys_.resize(plan.stages.size());
    decided_.resize(plan.stages.size(), false);
    for (std::size_t i = 0; i < plan.stages.size(); ++i) {
      outcomes_[i].id = plan.stages[i].id;
      index_[plan.stages[i].id] = i;
    }
  }

  RunOutcome run() {
    const double begin = steady_seconds();
    Json ids = Json::array();
    for (const PlannedStage& stage : plan_.stages) ids.push_back(stage.id);
    log_.write_plan(plan_.json());
    tell({{"event", "run_started"},
          {"run", log_.id()},
          {"pipeline", plan_.name},
          {"store", store_.root().string()},
          {"stages", ids}});
    start_what_can();
    while (!running_.empty()) {
      wait();
      start_what_can();
    }
    for (std::size_t i = 0; i < outcomes_.size(); ++i)
      if (!decided_[i]) outcomes_[i].status = StageStatus::stopped;

    RunOutcome out{exit_code(), log_.id(), steady_seconds() - begin, outcomes_};
    static const std::map<int, const char*> names = {
        {kExitOk, "ok"}, {kExitGate, "gate failed"}, {kExitResumable, "stopped"}};
    const auto named = names.find(out.code);
    const std::string status = named == names.end() ? "failed" : named->second;
    tell({{"event", "run_finished"},
          {"status", status},
          {"code", out.code},
          {"seconds", out.seconds}});
    log_.finish({{"format", 1}, {"status", status}, {"code", out.code}, {"seconds", out.seconds}});
    return out;
  }

 private:
  void tell(const Json& event) {
    const std::string kind = event.at("event");
    if (kind != "progress" && kind != "metric" && kind != "log") log_.event(event);
    display_.event(event);
  }
  void tell(std::size_t index, const char* kind, Json more = Json::object()) {
    Json event = {{"event", kind}, {"stage", plan_.stages[index].id}};
    event.update(more);
    tell(event);
  }

  // ---- starting ----

  enum class Readiness { ready, waits, blocked };
  Readiness readiness(const PlannedStage& stage, std::string& by) const {
    Readiness out = Readiness::ready;
    for (const PlannedInput& input : stage.inputs) {
      const std::size_t from = index_.at(input.from_stage);
      if (!decided_[from]) {
        out = Readiness::waits;
      } else if (const StageStatus s = outcomes_[from].status;
                 s != StageStatus::cached && s != StageStatus::ran && s != StageStatus::taken) {
        by = input.from_stage;
        return s == StageStatus::stopped ? Readiness::waits : Readiness::blocked;
      }
    }
    return out;
  }

  void start_what_can() {
    std::uint32_t busy = 0;
    for (const Running& r : running_) busy += plan_.stages[r.index].threads;
    bool changed = true;
    while (changed && !stopping_) {  // a decided stage may make others ready
      changed = false;
      for (std::size_t i = 0; i < plan_.stages.size(); ++i) {
        const PlannedStage& stage = plan_.stages[i];
        if (decided_[i] || is_running(i)) continue;
        std::string by;
        const Readiness ready = readiness(stage, by);
        if (ready == Readiness::blocked) {
          decide(i, StageStatus::blocked, "blocked by '" + by + "'");
          tell(i, "stage_blocked", {{"by", by}});
          changed = true;
        } else if (ready == Readiness::ready) {
          if (take_hit(i)) {
            changed = true;
          } else if (running_.empty() || busy + stage.threads <= plan_.threads) {
            start(i);
            busy += stage.threads;
            changed = decided_[i];  // it could not be started
          }
        }
      }
    }
  }

  bool is_running(std::size_t index) const {
    return std::any_of(running_.begin(), running_.end(),
                       [&](const Running& r) { return r.index == index; });
  }

  std::vector<std::string> input_digests(const PlannedStage& stage) const {
    std::vector<std::string> digests;
    for (const PlannedInput& input : stage.inputs)
      digests.push_back(
          outcomes_[index_.at(input.from_stage)].result.outputs.at(input.from_port).digest);
    return digests;
  }

  // The result may be there: found while planning, or only now that the inputs are known.
  bool take_hit(std::size_t index) {
    if (keys_[index].key.empty()) {
      keys_[index] = stage_key(plan_.stages[index], input_digests(plan_.stages[index]));
      const FileDescriptor lock =
          store_.shared_lock();  // gc must see the key before it may take the result away
      log_.add_key(keys_[index].key);
    }
    auto result = store_.find_result(keys_[index].key);
    if (!result || !has_all_outputs(index, *result)) return false;
    outcomes_[index].result = std::move(*result);
    decide(index, StageStatus::cached, "");
    tell(index, "stage_cached",
         {{"key", keys_[index].key}, {"results", results_json(outcomes_[index].result)}});
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
      const fs::path folder = log_.stage_folder(stage.id);
      make_folders(folder);
      write_file_atomically(folder / "spec.json", spec(index).to_json().dump(1) + "\n");
      Running running{index, steady_seconds(), nullptr, {}, "", 0, false, false, false};
      running.process = std::make_unique<StageProcess>(host_, folder / "spec.json");
      running_.push_back(std::move(running));
    } catch (const std::exception& e) {
      fail(index, e.what(), {});
    }
  }

  StageSpec spec(std::size_t index) {
    const PlannedStage& stage = plan_.stages[index];
    StageSpec out;
    out.store = store_.root();
    out.run = log_.id();
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
    const auto digests = input_digests(stage);
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
    for (const Running& r : running_)
      for (const int fd : {r.process->events_fd(), r.process->output_fd(), r.process->exit_fd()})
        fds.push_back({fd, POLLIN, 0});
    if (hung_up_) {  // a closed pipe is always readable: look at exits only, so as not to spin
      for (std::size_t i = 1; i < fds.size(); ++i)
        if ((i - 1) % 3 != 2) fds[i].fd = -1;
    }
    ::poll(fds.data(), fds.size(), kTickMs);
    hung_up_ = std::any_of(fds.begin() + 1, fds.end(), [](const pollfd& p) {
      return (p.revents & POLLHUP) && !(p.revents & POLLIN);
    });
    if (const int signal = signals_.take(); signal != 0) stop(signal);
    std::vector<std::size_t> ended;
    for (std::size_t i = 0; i < running_.size(); ++i) {
      listen(running_[i]);
      if (fds[1 + 3 * i + 2].revents != 0) ended.push_back(i);
    }
    for (auto it = ended.rbegin(); it != ended.rend(); ++it) {
      Running last = std::move(running_[*it]);
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(*it));
      end(last);
    }
    display_.tick();
  }

  void listen(Running& r) {
    const std::string& id = plan_.stages[r.index].id;
    r.process->read([&](const Json& event) { host_event(r, id, event); },
                    [&](const std::string& line) {
                      log_.log(id, line);
                      r.last_lines.push_back(line);
                      if (r.last_lines.size() > kLastLines) r.last_lines.pop_front();
                    });
  }

  void host_event(Running& r, const std::string& id, const Json& event) {
    const std::string kind = event["event"];
    if (kind == "failed") {
      r.failure = event.value("message", "");
    } else if (kind == "cancelled") {
      r.cancelled = true;
    } else if (kind == "finished") {
      r.finished = true;
      r.taken = event.value("taken", false);
      r.seconds = event.value("seconds", 0.0);
    } else {
      if (kind == "metric") record_metric(id, event);
      if (kind == "log") log_.log(id, event.value("level", "") + ": " + event.value("text", ""));
      Json named = {{"event", kind}, {"stage", id}};
      named.update(event);
      tell(named);
    }
  }

  void record_metric(const std::string& id, const Json& event) {
    double value = std::numeric_limits<double>::quiet_NaN();
    const Json given = event.value("value", Json());
    if (given.is_number()) value = given;
    if (event.value("text", "") == "inf") value = std::numeric_limits<double>::infinity();
    if (event.value("text", "") == "-inf") value = -std::numeric_limits<double>::infinity();
    log_.metric(id, event.value("step", std::int64_t{0}), event.value("name", "?"), value);
  }

  void stop(int signal) {
    if (stopping_) {  // the second time
      for (Running& r : running_) r.process->kill();
      ::_exit(128 + signal);
    }
    stopping_ = true;
    tell({{"event", "stopping"}});
    for (Running& r : running_) r.process->ask_to_stop();
  }

  // ---- ending ----

  void end(Running& r) {
    const StageProcess::Ending ending = r.process->collect();
    listen(r);
    StageOutcome& outcome = outcomes_[r.index];
    outcome.seconds = steady_seconds() - r.begin;
    if (r.finished && ending.signal == 0 && ending.code == kExitOk) {
      auto result = store_.find_result(keys_[r.index].key);
      if (!result) return fail(r.index, "its result is not in the store", r.last_lines);
      if (const std::string changed = changed_input(r.index); !changed.empty() && !r.taken) {
        store_.discard(store_.result_path(
            keys_[r.index].key));  // it was made from something else than its key says
        return fail(r.index, "'" + changed + "' changed while the stage was reading it. Run again",
                    {});
      }
      outcome.result = std::move(*result);
      for (const auto& [port, output] : outcome.result.outputs)
        if (!r.taken) trusted_.insert(output.digest);
      for (const PlannedInput& input : plan_.stages[r.index].inputs)  // the host has checked them
        trusted_.insert(
            outcomes_[index_.at(input.from_stage)].result.outputs.at(input.from_port).digest);
      decide(r.index, r.taken ? StageStatus::taken : StageStatus::ran, "");
      tell(r.index, "stage_finished",
           {{"key", keys_[r.index].key},
            {"seconds", outcome.seconds},
            {"taken", r.taken},
            {"results", results_json(outcome.result)}});
      return check_gates(r.index);
    }
    if (ending.signal == 0 && ending.code == kExitResumable && r.cancelled) {
      stopped_ = true;
      decide(r.index, StageStatus::stopped, "");
      return tell(r.index, "stage_stopped");
    }
    if (!r.failure.empty()) {
      if (ending.code == kExitPlugin) plugin_failed_ = true;
      return fail(r.index, r.failure, r.last_lines);
    }
    const PluginFile& plugin = *plan_.stages[r.index].plugin;
    fail(r.index,
         "the process of plugin '" + plugin.name + "' (" + plugin.path.string() + ") " +
             ending.text() + " before the stage was finished",
         r.last_lines);
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
            const std::deque<std::string>& last_lines) {
    decide(index, StageStatus::failed, message);
    tell(index, "stage_failed",
         {{"message", message},
          {"plugin", plan_.stages[index].plugin->path.string()},
          {"log", std::vector<std::string>(last_lines.begin(), last_lines.end())}});
  }

  void decide(std::size_t index, StageStatus status, const std::string& message) {
    decided_[index] = true;
    outcomes_[index].status = status;
    outcomes_[index].message = message;
  }

  // On every hit as well: a limit may have been changed since.
  void check_gates(std::size_t index) {
    for (const Gate& gate : plan_.stages[index].gates) {
      const auto& results = outcomes_[index].result.results;
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
      decide(index, StageStatus::gate_failed, gate.metric + " is not " + gate.text());
    }
  }

  int exit_code() const {
    if (stopping_ || stopped_) {
      const bool all_done = std::all_of(outcomes_.begin(), outcomes_.end(), [](const auto& o) {
        return o.status != StageStatus::stopped;
      });
      if (!all_done) return kExitResumable;
    }
    const auto any = [&](StageStatus status) {
      return std::any_of(outcomes_.begin(), outcomes_.end(),
                         [&](const auto& o) { return o.status == status; });
    };
    if (any(StageStatus::failed)) return plugin_failed_ ? kExitPlugin : kExitFailed;
    return any(StageStatus::gate_failed) ? kExitGate : kExitOk;
  }

  const Plan& plan_;
  const ArtifactStore& store_;
  Display& display_;
  fs::path host_;
  StopSignals signals_;
  RunLog log_;
  std::vector<StageOutcome> outcomes_;
  std::vector<StageKey> keys_;
  std::vector<bool> decided_;
  std::map<std::string, std::size_t> index_;
  std::vector<Running> running_;
  std::set<std::string> trusted_;  // artifacts whose content this run has made or checked
  bool stopping_ = false, stopped_ = false, plugin_failed_ = false, hung_up_ = false;
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
