#include "runtime/run/running_stages.h"

#include <poll.h>

#include <algorithm>
#include <utility>

namespace lehr::runtime {
namespace {

constexpr int kTickMs = 100;

}  // namespace

std::size_t RunningStages::at_work() const {
  return static_cast<std::size_t>(std::count_if(stages_.begin(), stages_.end(),
                                                [](const auto& stage) { return !stage.settled; }));
}

void RunningStages::listen(int signals) {
  std::vector<pollfd> fds = {{signals, POLLIN, 0}};
  for (const RunningStage& stage : stages_) stage.attempt->add_to(fds);
  ::poll(fds.data(), fds.size(), kTickMs);
  ended_.clear();
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    const pollfd* polled = &fds[1 + StageAttempt::kPollEntries * i];
    stages_[i].attempt->listen(polled);
    ended_.push_back(StageAttempt::has_ended(polled));
  }
}

std::vector<RunningStage> RunningStages::take_ended() {
  std::vector<RunningStage> ended, alive;
  for (std::size_t i = 0; i < stages_.size(); ++i)
    (ended_[i] ? ended : alive).push_back(std::move(stages_[i]));
  stages_ = std::move(alive);
  ended_.assign(stages_.size(), false);
  return ended;
}

std::vector<RunningStage*> RunningStages::done() {
  std::vector<RunningStage*> out;
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    RunningStage& stage = stages_[i];
    if (!ended_[i] && stage.attempt->finished() && !stage.settled && stage.share.memory == 0 &&
        stage.share.gpus.empty())
      out.push_back(&stage);
  }
  return out;
}

void RunningStages::watch_time() {
  for (std::size_t i = 0; i < stages_.size(); ++i)
    if (!ended_[i]) stages_[i].attempt->watch_time();
}
void RunningStages::ask_to_stop() {
  for (RunningStage& stage : stages_) stage.attempt->ask_to_stop();
}
void RunningStages::kill() {
  for (RunningStage& stage : stages_) stage.attempt->kill();
}

}  // namespace lehr::runtime
