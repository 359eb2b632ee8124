// The stages whose hosts are alive, listened to all at once. What it means for the run that one is
// done or has ended is the executor's business.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <vector>

#include "runtime/run/resource_pool.h"
#include "runtime/run/stage_attempt.h"

namespace lehr::runtime {

struct RunningStage {
  std::size_t index;  // in the plan
  ResourcePool::Share share;
  std::unique_ptr<StageAttempt> attempt;
  std::filesystem::path spare_work;
  bool settled = false;  // what follows from it is done; the host is on its way out
};

class RunningStages {
 public:
  void add(RunningStage stage) { stages_.push_back(std::move(stage)); }
  bool empty() const { return stages_.empty(); }
  std::size_t at_work() const;  // without those that are settled

  // Waits until a host says something or ends, `signals` can be read, or a tenth of a second has
  // passed, and hears what the hosts say.
  void listen(int signals);
  // Of those that have ended meanwhile; they run no more.
  std::vector<RunningStage> take_ended();
  // Those whose host has said that the result is on disk, and need not be waited for any longer:
  // it holds no memory and no GPU that others want. Until the next call of anything here.
  std::vector<RunningStage*> done();

  void watch_time();  // after listen()
  void ask_to_stop();
  void kill();

 private:
  std::vector<RunningStage> stages_;
  std::vector<bool> ended_;  // one for each, as far as was listened
};

}  // namespace lehr::runtime
