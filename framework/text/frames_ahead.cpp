#include "text/frames_ahead.h"

#include <tbb/task_arena.h>
#include <zstd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "text/handed_over.h"

namespace lehr::text {

// Belongs to the list and to a thread that may come too late, which leaves alone what is done.
struct FramesAhead::Task {
  enum State { waiting, begun, done };
  Memory memory;
  std::size_t size = 0;  // of the decompressed bytes; `memory.bytes` may be longer
  const char* error = nullptr;
  std::atomic<State> state = waiting;

  // Does it, or waits until another thread has. True if the bytes are where `out` says, which they
  // come to without a copy if nobody has begun and there is room for all of them.
  bool finish(char* out = nullptr, std::size_t room = 0) {
    State now = waiting;
    if (state.compare_exchange_strong(now, begun)) {
      const bool there = out != nullptr && room >= size;
      if (!there && memory.bytes.size() < size) memory.bytes.resize(size);
      const std::size_t done_bytes = ZSTD_decompress(there ? out : memory.bytes.data(), size,
                                                     compressed().data(), compressed().size());
      if (ZSTD_isError(done_bytes))
        error = ZSTD_getErrorName(done_bytes);
      else if (done_bytes != size)
        error = "a frame is not as long as it says";
      state.store(done);
      state.notify_all();
      return there;
    }
    if (now == begun) state.wait(begun);
    return false;
  }
  std::string& compressed() { return *memory.compressed; }
};

FramesAhead::~FramesAhead() {
  for (const auto& task : tasks_) {
    Task::State now = Task::waiting;
    if (task->state.compare_exchange_strong(now, Task::done) || now == Task::done)
      task->memory = {};
  }
}

std::shared_ptr<const std::string> FramesAhead::add(std::string_view frame, std::size_t size) {
  if (!open_) {
    open_ = std::make_shared<Task>();
    if (!spare_.empty()) {
      open_->memory = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  auto& compressed = open_->memory.compressed;
  if (!compressed) compressed = std::make_shared<std::string>();
  *compressed += frame;
  open_->size += size;
  return compressed;
}

void FramesAhead::end_task(bool by_others) {
  const std::shared_ptr<Task> task = std::exchange(open_, nullptr);
  tasks_.push_back(task);
  if (!by_others) return;
  if (task->memory.bytes.size() < task->size) task->memory.bytes.resize(task->size);
  const HandedOver told;
  tbb::this_task_arena::enqueue([task] {
    const HandedOver received;
    if (task->state.load() == Task::waiting) task->finish();
  });
}

std::size_t FramesAhead::read(char* out, std::size_t size, const char*& error) {
  std::size_t read = 0;
  while (read < size && !tasks_.empty()) {
    Task& task = *tasks_.front();
    const bool there = given_ == 0 && task.finish(out + read, size - read);
    if ((error = task.error) != nullptr) return read;
    const std::size_t n = std::min(size - read, task.size - given_);
    if (n > 0 && !there) std::memcpy(out + read, task.memory.bytes.data() + given_, n);
    read += n;
    given_ += n;
    if (given_ < task.size) break;
    consumed_ += task.compressed().size();
    if (task.memory.compressed.use_count() == 1)
      task.compressed().clear();
    else
      task.memory.compressed = nullptr;  // of those who keep frames
    if (spare_.size() < 2) spare_.push_back(std::move(task.memory));
    task.memory = {};
    tasks_.pop_front();
    given_ = 0;
  }
  return read;
}

std::size_t FramesAhead::take_consumed() { return std::exchange(consumed_, 0); }

}  // namespace lehr::text
