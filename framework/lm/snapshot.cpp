#include "lm/snapshot.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "lm/parallel.h"

namespace lehr::lm {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr std::size_t kGpuPiece = std::size_t{64} << 20;  // each waits for what the GPU has to do
constexpr int64_t kCopyBlock = int64_t{1} << 20;

}  // namespace

void Snapshot::add(const at::Tensor& flat) {
  if (!flat.is_contiguous() || flat.scalar_type() != at::kFloat)
    throw std::logic_error("snapshot: a buffer must be dense and float32");
  const auto* place = static_cast<const std::byte*>(flat.const_data_ptr());
  // A GPU copies its own memory in a moment, and hands it to the host slowly.
  buffers_.push_back({flat.is_cpu() ? flat : flat.clone(), place, flat.nbytes(), 0, nullptr, 0});
}

void Snapshot::detach() {
  const std::lock_guard lock(mutex_);
  if (detached_) return;
  detached_ = true;
  for (std::size_t i = reading_; i < buffers_.size(); ++i) {
    Buffer& buffer = buffers_[i];
    const std::size_t left = buffer.bytes - buffer.next;
    if (left == 0 || !buffer.flat.is_cpu()) continue;
    buffer.copy = std::make_unique_for_overwrite<std::byte[]>(left);
    buffer.copied_from = buffer.next;
    const std::byte* from = buffer.place + buffer.next;
    parallel_blocks(static_cast<int64_t>(left), kCopyBlock, [&](int64_t begin, int64_t end) {
      std::memcpy(buffer.copy.get() + begin, from + begin, static_cast<std::size_t>(end - begin));
    });
  }
}

void Snapshot::Buffer::copy_out(std::size_t at, std::size_t count, std::byte* to) const {
  if (flat.is_cpu()) {
    std::memcpy(to, copy ? copy.get() + (at - copied_from) : place + at, count);
    return;
  }
  const auto floats = [](std::size_t n) { return static_cast<int64_t>(n / sizeof(float)); };
  at::from_blob(to, {floats(count)}, at::kFloat).copy_(flat.narrow(0, floats(at), floats(count)));
}

void Snapshot::read(const std::byte* from, std::size_t bytes, const Sink& sink) {
  const at::NoGradGuard no_gradients;
  std::vector<std::byte> piece;
  while (bytes > 0) {
    std::size_t count = 0;
    {
      const std::lock_guard lock(mutex_);
      while (reading_ < buffers_.size() &&
             (from < buffers_[reading_].place ||
              from >= buffers_[reading_].place + buffers_[reading_].bytes)) {
        buffers_[reading_].copy.reset();
        buffers_[reading_].flat.reset();
        ++reading_;
      }
      if (reading_ == buffers_.size())
        throw std::logic_error("snapshot: values are read out of order");
      Buffer& buffer = buffers_[reading_];
      count = std::min(bytes, buffer.flat.is_cpu() ? kPiece : kGpuPiece);
      const auto at = static_cast<std::size_t>(from - buffer.place);
      if (at < buffer.next || count > buffer.bytes - at)
        throw std::logic_error("snapshot: values are read out of order");
      piece.resize(count);
      buffer.copy_out(at, count, piece.data());
      buffer.next = at + count;
    }
    sink(piece.data(), count);
    from += count;
    bytes -= count;
  }
}

}  // namespace lehr::lm
