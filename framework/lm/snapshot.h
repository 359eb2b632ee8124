// The values that float buffers have now, for a writer in another thread while training goes on.
// Nothing is copied at first: weights and moments stay still during forward and backward, most of a
// step, and the writer has usually read them all by the time of the update. What it has not read by
// then is copied. So a snapshot costs the training thread between nothing and one pass over
// memory, and no memory of its own where the disk keeps up; a full copy would cost 12 bytes a
// parameter throughout. Of a GPU's buffers a copy is made at once, in its own memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace lehr::lm {

class Snapshot {
 public:
  // flat: dense, float32. All adding comes before all reading.
  void add(const at::Tensor& flat);

  // For the thread that trains, before the buffers change: copies what is left to read.
  void detach();

  // For one reader thread: hands the values of `bytes` at `from`, a place inside a buffer that was
  // added (an address of the GPU where it is there), to `sink` in pieces. Buffers are read once, in
  // the order in which they were added, each from its beginning to its end; gaps may be left out.
  using Sink = std::function<void(const std::byte* data, std::size_t bytes)>;
  void read(const std::byte* from, std::size_t bytes, const Sink& sink);

 private:
  struct Buffer {
    at::Tensor flat;
    const std::byte* place;  // where it begins, as the reader names it
    std::size_t bytes;
    std::size_t next = 0;  // bytes before it are read
    // After detach(): the values from `copied_from` on.
    std::unique_ptr<std::byte[]> copy;
    std::size_t copied_from = 0;

    void copy_out(std::size_t at, std::size_t count, std::byte* to) const;
  };

  std::mutex mutex_;
  std::vector<Buffer> buffers_;
  std::size_t reading_ = 0;  // buffers before it are read
  bool detached_ = false;
};

}  // namespace lehr::lm
