// Stages, run on small inputs: the same bytes whatever is around them, stopped, killed, and given
// broken files.
#include <memory>

#include "conformance/bench.h"
#include "conformance/kit.h"
#include "runtime/run/plugin_questions.h"

namespace lehr::conformance {
namespace {

// All runs that are compared are made in one place, but for the one that asks whether it matters.
constexpr const char* kPlace = "here";

// What differs between two results of one stage; empty: nothing that was promised.
std::string difference(const Outcome& a, const Outcome& b) {
  if (!b.result) return b.problem();
  for (const auto& [port, output] : a.result->outputs) {
    const auto other = b.result->outputs.find(port);
    if (other == b.result->outputs.end() || other->second.digest != output.digest)
      return "output '" + port + "' came out as " + output.digest.substr(0, 12) + "... and as " +
             (other == b.result->outputs.end() ? "nothing"
                                               : other->second.digest.substr(0, 12) + "...");
  }
  for (const auto& [name, number] : a.result->results) {
    const auto other = b.result->results.find(name);
    if (number.is_volatile) continue;
    if (other == b.result->results.end() || other->second.value != number.value)
      return "the result '" + name + "' came out as " + Json(number.value).dump() + " and as " +
             (other == b.result->results.end() ? "nothing" : Json(other->second.value).dump()) +
             ". If it is a timing or the like, say so (volatile_result)";
  }
  return "";
}

std::string with_advice(const std::string& problem, const std::string& advice) {
  return problem.empty() ? "" : problem + (problem.ends_with('.') ? "\n" : ".\n") + advice;
}

template <class List>
std::string joined(const List& list) {
  std::string out;
  std::size_t shown = 0;
  for (const std::string& item : list) {
    if (shown++ == 5) return out + ", ...";
    out += (out.empty() ? "" : ", ") + item;
  }
  return out;
}

class StageCheck {
 public:
  StageCheck(Kit& kit, const Json& stage)
      : kit_(kit),
        stage_(stage),
        name_(title(kit, "stages", stage)),
        determinism_(stage.value("determinism", "exact")) {}

  void run() {
    if (!first_run()) return;
    repeat();
    elsewhere();
    threads();
    stop();
    kill();
    broken_inputs();
    if (stage_.value("estimate", false)) estimate();
  }

 private:
  // The run that all others are compared with.
  bool first_run() {
    constexpr const char* check = "runs, and stays in its own folders";
    const Json plain = chosen_parameters(kit_, stage_);
    for (const Json& parameters : {plain, with_sample_files(kit_, stage_, plain)}) {
      bench_ = std::make_unique<Bench>(kit_, stage_, parameters);
      if (!bench_->obstacle().empty()) {
        kit_.report.not_applicable(name_, check, bench_->obstacle());
        return false;
      }
      bench_->clear(kPlace);
      first_ = bench_->run(kPlace);
      if (first_.result || first_.misbehaved()) break;
    }
    if (first_.misbehaved()) {
      kit_.report.failed(name_, check,
                         with_advice(first_.problem(),
                                     "A stage that cannot go on returns LEHR_FAILED and tells why "
                                     "(in C++: throw lehr::Error)"));
      return false;
    }
    if (!first_.result) {
      const std::string why = first_.problem();
      if (kit_.with.empty())
        kit_.report.not_applicable(name_, check,
                                   why + "; give it what it needs with --with and --input");
      else
        kit_.report.failed(name_, check, why);
      return false;
    }
    kit_.report.judge(name_, check,
                      first_.misplaced.empty()
                          ? ""
                          : "it wrote " + joined(first_.misplaced) +
                                ".\nWrite into the output folders, the durable state, or the "
                                "current folder, which is made for the stage and removed after it");
    kit_.report.judge(
        name_, "leaves no file open",
        first_.leaked.empty() ? "" : "still open when it ended: " + joined(first_.leaked));
    return true;
  }

  // A new run must come out as the first one did.
  void compare(const char* check, const Outcome& outcome, const char* advice) {
    if (determinism_ == "none")
      kit_.report.not_applicable(name_, check, "determinism none: the first result stands");
    else if (!stable_)
      kit_.report.not_applicable(name_, check, "the same seed already gives other bytes");
    else
      kit_.report.judge(name_, check, with_advice(difference(first_, outcome), advice));
  }

  void repeat() {
    bench_->clear(kPlace);
    const Outcome again = bench_->run(kPlace);
    const bool same = difference(first_, again).empty();
    stable_ = true;  // for this comparison
    compare("same seed, same bytes", again,
            "Take randomness from context.seed() alone; sort what comes from folders and hash "
            "tables; write no time, process id or address");
    stable_ = same && determinism_ != "none";
  }

  void elsewhere() {
    Trial trial;
    trial.elsewhere = true;
    compare("same bytes in another folder, language and time zone", bench_->run("elsewhere", trial),
            "Write no absolute paths; print numbers without the locale (std::to_chars); use UTC");
  }

  void threads() {
    constexpr const char* check = "same bytes with one thread and with two";
    if (determinism_ == "machine")
      return kit_.report.not_applicable(
          name_, check, "determinism machine: the number of threads is part of the key");
    Trial trial;
    trial.threads = 2;
    bench_->clear(kPlace);
    compare(check, bench_->run(kPlace, trial),
            "Join partial results in a fixed order, or declare determinism machine");
  }

  // Before it begins, and after its first checkpoint, if it makes one.
  void stop() {
    constexpr const char* check = "stops when asked, and goes on from there";
    std::string problem;
    for (const std::int64_t commits : {0, 1}) {
      Trial trial;
      trial.stop_after_commits = commits;
      if (!problem.empty()) break;
      bench_->clear(kPlace);
      const Outcome asked = bench_->run(kPlace, trial);
      if (!asked.in_time)
        problem = "it was still running " + std::to_string(kit_.patience.count() / 1000) +
                  " s after it had been asked to stop.\nCall context.cancelled() at least every "
                  "second, commit your state and throw lehr::Cancelled";
      else if (!asked.result && !asked.stopped)
        problem = asked.problem() +
                  ".\nStopping is not a failure: return LEHR_CANCELLED (in C++: throw "
                  "lehr::Cancelled)";
      else if (!asked.result)
        problem = after(bench_->run(kPlace));
    }
    kit_.report.judge(name_, check, problem);
  }

  // What is wrong with a run that went on from another.
  std::string after(const Outcome& outcome) const {
    if (!stable_) return outcome.problem();
    return with_advice(difference(first_, outcome),
                       "Save everything the rest depends on in the durable state (position, random "
                       "numbers, counts), and go on from latest_state()");
  }

  void kill() {
    constexpr const char* check = "killed after a checkpoint, it ends with the same bytes";
    for (const std::int64_t commits : {1, 2}) {
      Trial trial;
      trial.kill_after_commits = commits;
      bench_->clear(kPlace);
      const Outcome killed = bench_->run(kPlace, trial);
      if (killed.result && commits == 1)
        return kit_.report.not_applicable(
            name_, check, "it keeps no durable state here; a killed run begins anew");
      if (killed.result) break;
      if (const std::string problem = after(bench_->run(kPlace)); !problem.empty())
        return kit_.report.failed(name_, check, problem);
    }
    kit_.report.passed(name_, check);
  }

  void broken_inputs() {
    constexpr const char* check = "broken input gives an error, not a crash";
    if (!bench_->has_inputs()) return kit_.report.not_applicable(name_, check, "it has no inputs");
    Trial trial;
    trial.broken_inputs = true;
    const Outcome outcome = bench_->run("broken", trial);
    kit_.report.judge(name_, check, outcome.misbehaved() ? outcome.problem() : "");
  }

  void estimate() {
    std::vector<runtime::PluginQuestion> questions;
    for (const bool made : {false, true})
      questions.push_back({kit_.plugin.path,
                           {{"ask", "estimate"},
                            {"kind", "stages"},
                            {"name", stage_.at("name")},
                            {"parameters", bench_->parameters()},
                            {"inputs", bench_->input_facts(made, kPlace)}}});
    std::string problem;
    for (const auto& answer : runtime::PluginHosts(kit_.host, kit_.patience).ask(questions))
      if (problem.empty()) problem = answer.error;
    kit_.report.judge(name_, "estimates before and after its inputs are made", problem);
  }

  Kit& kit_;
  const Json& stage_;
  const std::string name_, determinism_;
  std::unique_ptr<Bench> bench_;
  Outcome first_;
  bool stable_ = false;  // the same seed gives the same bytes
};

}  // namespace

void check_stages(Kit& kit) {
  for (const Json& stage : kit.plugin.description.value("stages", Json::array()))
    StageCheck(kit, stage).run();
}

}  // namespace lehr::conformance
