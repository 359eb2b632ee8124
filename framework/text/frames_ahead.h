// Frames of a zstd file decompressed by the threads of the present TBB arena before they are asked
// for, and given out in order. A task is one frame or some that are short. Whoever asks for one
// that no thread has begun does it itself, so nothing waits for a thread that is busy with
// something else.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/page_buffer.h"

namespace lehr::text {

class FramesAhead {
 public:
  FramesAhead() = default;
  // Leaves no memory to tasks that come too late: those of an arena that is gone never come.
  ~FramesAhead();
  FramesAhead(const FramesAhead&) = delete;
  FramesAhead& operator=(const FramesAhead&) = delete;
  // frame: one whole frame of `size` decompressed bytes; copied. Returns the copies of the frames
  // of its task, it the last, which stay as they are for those who keep them once the task ends.
  std::shared_ptr<const std::string> add(std::string_view frame, std::size_t size);
  // What was added since the last end_task() may be begun: by other threads, or by read() alone.
  void end_task(bool by_others);
  std::size_t tasks() const { return tasks_.size(); }
  // Copies the next bytes; fewer than asked for when no task is left. Sets `error` on a damaged
  // one, which stays.
  std::size_t read(char* out, std::size_t size, const char*& error);
  // Bytes of the tasks that were given out whole since this was asked last.
  std::size_t take_consumed();

 private:
  struct Memory {
    std::shared_ptr<std::string> compressed;
    PageBuffer bytes;
  };
  struct Task;
  std::deque<std::shared_ptr<Task>> tasks_;
  std::shared_ptr<Task> open_;  // that frames are added to
  std::vector<Memory> spare_;   // to be used again
  std::size_t given_ = 0;       // of the first
  std::size_t consumed_ = 0;
};

}  // namespace lehr::text
