#include "text/frames_ahead.h"

#include <tbb/task_arena.h>
#include <zstd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "text/handed_over.h"

namespace lehr::text {

// Belongs to the list and to the task that may come too late, which leaves alone what is done.
struct FramesAhead::Frame {
  enum State { waiting, begun, done };
  Memory memory;
  const char* error = nullptr;
  std::atomic<State> state = waiting;

  // Does it, or waits until another thread has.
  void finish() {
    State now = waiting;
    if (state.compare_exchange_strong(now, begun)) {
      auto& [compressed, bytes] = memory;
      const std::size_t size =
          ZSTD_decompress(bytes.data(), bytes.size(), compressed.data(), compressed.size());
      if (ZSTD_isError(size))
        error = ZSTD_getErrorName(size);
      else if (size != bytes.size())
        error = "a frame is not as long as it says";
      state.store(done);
      state.notify_all();
    } else if (now == begun) {
      state.wait(begun);
    }
  }
};

FramesAhead::~FramesAhead() {
  for (const auto& frame : frames_) {
    Frame::State now = Frame::waiting;
    if (frame->state.compare_exchange_strong(now, Frame::done) || now == Frame::done)
      frame->memory = {};
  }
}

void FramesAhead::add(std::string_view frame, std::size_t size) {
  const auto added = std::make_shared<Frame>();
  if (!spare_.empty()) {
    added->memory = std::move(spare_.back());
    spare_.pop_back();
  }
  added->memory.compressed.assign(frame.begin(), frame.end());
  added->memory.bytes.resize(size);
  frames_.push_back(added);
  const HandedOver told;
  tbb::this_task_arena::enqueue([added] {
    const HandedOver received;
    if (added->state.load() == Frame::waiting) added->finish();
  });
}

std::size_t FramesAhead::read(char* out, std::size_t size, const char*& error) {
  std::size_t read = 0;
  while (read < size && !frames_.empty()) {
    Frame& frame = *frames_.front();
    frame.finish();
    if ((error = frame.error) != nullptr) return read;
    const auto& [compressed, bytes] = frame.memory;
    const std::size_t n = std::min(size - read, bytes.size() - given_);
    if (n > 0) std::memcpy(out + read, bytes.data() + given_, n);
    read += n;
    given_ += n;
    if (given_ < bytes.size()) break;
    consumed_ += compressed.size();
    if (spare_.size() < 2) spare_.push_back(std::move(frame.memory));
    frame.memory = {};
    frames_.pop_front();
    given_ = 0;
  }
  return read;
}

std::size_t FramesAhead::take_consumed() { return std::exchange(consumed_, 0); }

}  // namespace lehr::text
