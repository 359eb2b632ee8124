// What the stages that run at one time share: threads, memory, GPUs. Counts only what stages
// declare.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/plan/plan.h"

namespace lehr::runtime {

std::uint64_t machine_memory();  // bytes

class ResourcePool {
 public:
  // gpus: their names as CUDA_VISIBLE_DEVICES would list them.
  ResourcePool(std::uint32_t threads, std::uint64_t memory, std::vector<std::string> gpus);
  // What the plan declares; for what it does not, this machine's memory and GPUs.
  explicit ResourcePool(const Plan& plan);

  struct Share {
    std::uint32_t threads = 0;
    std::uint64_t memory = 0;
    std::vector<std::string> gpus;
  };
  // nullopt: not now. A stage that wants more threads or memory than there is gets them once it is
  // alone; GPUs cannot be had twice.
  std::optional<Share> take(const PlannedStage& stage);
  void give_back(const Share& share);
  // False: there is nothing for any stage now, however little it wants.
  bool has_room() const { return shares_ == 0 || busy_threads_ < threads_; }

  std::size_t gpus() const { return gpu_count_; }

 private:
  std::uint32_t threads_, busy_threads_ = 0;
  std::uint64_t memory_, busy_memory_ = 0;
  std::vector<std::string> free_gpus_;
  std::size_t gpu_count_, shares_ = 0;
};

}  // namespace lehr::runtime
