// Blocks that wait to be filled again. The one put back last is given out first: its memory is
// still in the cache, and those that are never needed are never touched. For any number of threads.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace lehr::text {

template <class Block>
class SpareBlocks {
 public:
  // make: returns a std::unique_ptr<Block>.
  template <class Make>
  SpareBlocks(std::size_t count, Make make) {
    for (std::size_t i = 0; i < count; ++i) spare_.push_back(owned_.emplace_back(make()).get());
  }

  // Null if all are under way.
  Block* take() {
    const std::lock_guard lock(mutex_);
    if (spare_.empty()) return nullptr;
    Block* const block = spare_.back();
    spare_.pop_back();
    return block;
  }
  void put_back(Block* block) {
    const std::lock_guard lock(mutex_);
    spare_.push_back(block);
  }

 private:
  std::vector<std::unique_ptr<Block>> owned_;
  std::vector<Block*> spare_;
  std::mutex mutex_;
};

}  // namespace lehr::text
