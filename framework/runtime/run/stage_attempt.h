// One try at one stage: its host process from start to end. What the host and the plugin say
// becomes events, metrics and log lines of the run; how it ended becomes a verdict. Whether a
// result is good, and what follows from it, is the executor's business.
#pragma once

#include <poll.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "runtime/run/awake_clock.h"
#include "runtime/run/run_journal.h"
#include "runtime/run/stage_process.h"
#include "runtime/run/stage_spec.h"

namespace lehr::runtime {

class StageAttempt {
 public:
  struct TimeLimit {
    double seconds = 0;        // 0: none
    double grace_seconds = 0;  // from being asked to stop until it is killed
    std::string where;         // in the pipeline file
  };
  // Gives the work to `host`, which waits for it.
  StageAttempt(const StageSpec& spec, TimeLimit limit, std::unique_ptr<StageProcess> host,
               RunJournal& journal);

  // What to wait for: always the same number of entries, the last of which says that the process
  // has ended. A pipe that hung up is left out once listen() has seen it.
  static constexpr std::size_t kPollEntries = 3;
  void add_to(std::vector<pollfd>& fds) const;
  // Reads what is there, without waiting; `polled` are this attempt's entries.
  void listen(const pollfd* polled);
  static bool has_ended(const pollfd* polled) { return polled[2].revents != 0; }

  // To be called several times a second: asks it to stop, later kills it, once its time is over.
  // What it waits for another run that computes the same does not count, nor what we were stopped.
  void watch_time();
  void ask_to_stop() {
    asked_ = true;
    process_->ask_to_stop();
  }
  void kill() { process_->kill(); }
  double seconds() const;  // since it began
  // The host has said that the result is on disk; what is left to it is to tidy up and to go.
  bool finished() const { return finished_; }
  bool taken() const { return taken_; }  // finished: another run has made it

  struct Verdict {
    enum class Kind { finished, taken, stopped, failed } kind = Kind::failed;
    std::string message;                  // why it failed
    bool cannot_load = false;             // failed: the plugin is not usable
    std::vector<std::string> last_lines;  // failed: what it printed last
    bool cut_off = false;                 // failed: it was killed, or its time was over
  };
  // Once it has ended: collects it and what it said last. Of one that failed, spec.json stays in
  // the run's folder of the stage, for `lehr-host --spec`.
  Verdict end();

 private:
  void read();
  void host_event(const nlohmann::ordered_json& event);
  void record_metric(const nlohmann::ordered_json& event);
  Verdict verdict(const StageProcess::Ending& ending);

  const std::string id_, plugin_, spec_;
  const bool has_micro_batch_;  // a parameter that says how much it computes at one time
  RunJournal& journal_;
  const TimeLimit limit_;
  double begin_;
  AwakeClock clock_;
  double limit_begin_;  // on clock_: what counts as its time
  bool waits_ = false;  // for another run
  bool asked_ = false, timed_out_ = false, killed_ = false;
  std::unique_ptr<StageProcess> process_;
  std::deque<std::string> last_lines_;
  std::string failure_;  // what the host said
  bool finished_ = false, taken_ = false, cancelled_ = false, hung_up_ = false;
};

}  // namespace lehr::runtime
