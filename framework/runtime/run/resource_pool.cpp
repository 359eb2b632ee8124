#include "runtime/run/resource_pool.h"

#include <unistd.h>

#include <algorithm>

#include "runtime/plan/machine.h"

namespace lehr::runtime {
namespace {

std::vector<std::string> at_most(std::vector<std::string> gpus, std::uint32_t declared) {
  if (declared > 0 && gpus.size() > declared) gpus.resize(declared);
  return gpus;
}

}  // namespace

std::uint64_t machine_memory() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

ResourcePool::ResourcePool(std::uint32_t threads, std::uint64_t memory,
                           std::vector<std::string> gpus)
    : threads_(threads),
      memory_(memory),
      free_gpus_(std::move(gpus)),
      gpu_count_(free_gpus_.size()) {}

ResourcePool::ResourcePool(const Plan& plan)
    : ResourcePool(plan.threads, plan.memory > 0 ? plan.memory : machine_memory(),
                   at_most(visible_gpus(), plan.gpus)) {}

std::optional<ResourcePool::Share> ResourcePool::take(const PlannedStage& stage) {
  const bool fits =
      busy_threads_ + stage.threads <= threads_ && busy_memory_ + stage.memory <= memory_;
  if ((!fits && shares_ > 0) || stage.gpus > free_gpus_.size()) return std::nullopt;
  Share out{stage.threads, stage.memory, {}};
  out.gpus.assign(free_gpus_.begin(), free_gpus_.begin() + stage.gpus);
  free_gpus_.erase(free_gpus_.begin(), free_gpus_.begin() + stage.gpus);
  busy_threads_ += out.threads;
  busy_memory_ += out.memory;
  ++shares_;
  return out;
}

void ResourcePool::give_back(const Share& share) {
  busy_threads_ -= share.threads;
  busy_memory_ -= share.memory;
  free_gpus_.insert(free_gpus_.end(), share.gpus.begin(), share.gpus.end());
  std::sort(free_gpus_.begin(), free_gpus_.end());
  --shares_;
}

}  // namespace lehr::runtime
