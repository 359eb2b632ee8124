#include "lm/snapshot.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "lm/parallel.h"

namespace lehr::lm {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr int64_t kCopyBlock = int64_t{1} << 20;

}  // namespace

void Snapshot::add(const at::Tensor& flat) {
  if (!flat.is_contiguous() || flat.scalar_type() != at::kFloat)
    throw std::logic_error("snapshot: a buffer must be dense and float32");
  buffers_.push_back({flat, 0, nullptr, 0});
}

void Snapshot::detach() {
  const std::lock_guard lock(mutex_);
  if (detached_) return;
  detached_ = true;
  for (std::size_t i = reading_; i < buffers_.size(); ++i) {
    Buffer& buffer = buffers_[i];
    const std::size_t left = buffer.bytes() - buffer.next;
    if (left == 0) continue;
    buffer.copy = std::make_unique_for_overwrite<std::byte[]>(left);
    buffer.copied_from = buffer.next;
    const std::byte* from = buffer.begin() + buffer.next;
    parallel_blocks(static_cast<int64_t>(left), kCopyBlock, [&](int64_t begin, int64_t end) {
      std::memcpy(buffer.copy.get() + begin, from + begin, static_cast<std::size_t>(end - begin));
    });
  }
}

void Snapshot::read(const std::byte* from, std::size_t bytes, const Sink& sink) {
  std::vector<std::byte> piece(std::min(bytes, kPiece));
  while (bytes > 0) {
    const std::size_t count = std::min(bytes, piece.size());
    {
      const std::lock_guard lock(mutex_);
      while (reading_ < buffers_.size() &&
             (from < buffers_[reading_].begin() ||
              from >= buffers_[reading_].begin() + buffers_[reading_].bytes())) {
        buffers_[reading_].copy.reset();
        ++reading_;
      }
      if (reading_ == buffers_.size())
        throw std::logic_error("snapshot: values are read out of order");
      Buffer& buffer = buffers_[reading_];
      const auto at = static_cast<std::size_t>(from - buffer.begin());
      if (at < buffer.next || count > buffer.bytes() - at)
        throw std::logic_error("snapshot: values are read out of order");
      const std::byte* place = buffer.copy ? buffer.copy.get() + (at - buffer.copied_from) : from;
      std::memcpy(piece.data(), place, count);
      buffer.next = at + count;
    }
    sink(piece.data(), count);
    from += count;
    bytes -= count;
  }
}

}  // namespace lehr::lm
