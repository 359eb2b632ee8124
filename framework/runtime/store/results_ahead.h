// Results read before they are asked for, by a second thread. In a chain each key follows from the
// result before it, so whoever looks them up one by one waits for one small file after the other.
// But a pipeline is mostly run again as it was, and its last run has left its keys.
#pragma once

#include <atomic>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "runtime/store/store.h"

namespace lehr::runtime {

class ResultsAhead {
 public:
  // Begins with the newest run of `pipeline`, unless that had so few stages that a thread would
  // cost more than it saves. The store outlives it, and its shared_lock() is held.
  ResultsAhead(const ArtifactStore& store, std::string_view pipeline);
  ~ResultsAhead();
  ResultsAhead(const ResultsAhead&) = delete;
  ResultsAhead& operator=(const ResultsAhead&) = delete;

  // What store.find_result(key) gives. From one thread.
  std::optional<StageResult> find(const std::string& key);

 private:
  enum State : int { kOpen, kBeingRead, kRead, kNotHere };  // kNotHere: to be had from the store
  struct Slot {
    std::string key;
    std::atomic<int> state = kOpen;
    std::optional<StageResult> result;  // once kRead
  };
  void read_ahead();

  const ArtifactStore& store_;
  std::deque<Slot> slots_;
  std::unordered_map<std::string_view, Slot*> by_key_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace lehr::runtime
