#include "text/frames_ahead.h"

#include <tbb/task_arena.h>
#include <zstd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "text/handed_over.h"

namespace lehr::text {

// Belongs to the list and to the task that may come too late.
struct FramesAhead::Frame {
  enum State { waiting, begun, done };
  std::vector<char> compressed, bytes;
  const char* error = nullptr;
  std::atomic<State> state = waiting;

  // Does it, or waits until another thread has.
  void finish() {
    State now = waiting;
    if (state.compare_exchange_strong(now, begun)) {
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

void FramesAhead::add(std::string_view frame, std::size_t size) {
  std::shared_ptr<Frame> added;
  // One that a task which came too late still holds stays as it is.
  if (!spare_.empty() && spare_.back().use_count() == 1) {
    added = std::move(spare_.back());
    spare_.pop_back();
    added->state = Frame::waiting;
  } else {
    added = std::make_shared<Frame>();
  }
  added->compressed.assign(frame.begin(), frame.end());
  added->bytes.resize(size);
  frames_.push_back(added);
  const HandedOver told(added.get());
  tbb::this_task_arena::enqueue([added] {
    const HandedOver received(added.get());
    if (added->state.load() == Frame::waiting) added->finish();
  });
}

std::size_t FramesAhead::read(char* out, std::size_t size, const char*& error) {
  std::size_t read = 0;
  while (read < size && !frames_.empty()) {
    Frame& frame = *frames_.front();
    frame.finish();
    if ((error = frame.error) != nullptr) return read;
    const std::size_t n = std::min(size - read, frame.bytes.size() - given_);
    if (n > 0) std::memcpy(out + read, frame.bytes.data() + given_, n);
    read += n;
    given_ += n;
    if (given_ < frame.bytes.size()) break;
    consumed_ += frame.compressed.size();
    spare_.push_back(std::move(frames_.front()));
    if (spare_.size() > 2) spare_.erase(spare_.begin());
    frames_.pop_front();
    given_ = 0;
  }
  return read;
}

std::size_t FramesAhead::take_consumed() { return std::exchange(consumed_, 0); }

}  // namespace lehr::text
