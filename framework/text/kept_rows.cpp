#include "text/kept_rows.h"

#include <cstdint>

namespace lehr::text {
namespace {

// Shorter frames become one with what is beside them, so that frames that lose rows in one stage
// after the other do not become ever smaller.
constexpr std::size_t kLeastFrameBytes = FrameCompressor::kFrameBytes / 2;

}  // namespace

void KeptRows::start(const LineBlock& block, FrameCompressor& compressor) {
  block_ = &block;
  compressor_ = &compressor;
  begin_ = end_ = frame_ = 0;
  lines_.clear();
  frames_.clear();
}

void KeptRows::add(std::string_view row) {
  const std::string_view block = block_->bytes();
  // Behind the block if it is from elsewhere, whichever way memory lies.
  const auto at =
      reinterpret_cast<std::uintptr_t>(row.data()) - reinterpret_cast<std::uintptr_t>(block.data());
  const bool is_line =
      at < block.size() && at + row.size() < block.size() && block[at + row.size()] == '\n';
  if (!is_line || at != end_) take_lines();
  if (is_line) {
    if (begin_ == end_) begin_ = at;
    end_ = at + row.size() + 1;
  } else {
    lines_ += row;
    lines_ += '\n';
  }
}

void KeptRows::add(const Document& document) {
  take_lines();
  append_document(lines_, document);
}

void KeptRows::finish() {
  take_lines();
  if (!lines_.empty()) compress();
}

void KeptRows::take_lines() {
  const std::string_view block = block_->bytes();
  const auto& frames = block_->frames;
  for (; frame_ < frames.size(); ++frame_) {
    const std::size_t begin = frames[frame_].begin - block_->offset();
    const std::size_t end = frames[frame_].end - block_->offset();
    if (begin >= end_) break;
    if (begin < begin_ || end > end_ || end - begin < kLeastFrameBytes) continue;
    const bool whole_lines = (begin == 0 || block[begin - 1] == '\n') && block[end - 1] == '\n';
    const std::size_t before = lines_.size() + begin - begin_;
    if (!whole_lines || (before > 0 && before < kLeastFrameBytes)) continue;
    lines_ += block.substr(begin_, begin - begin_);
    if (!lines_.empty()) compress();
    frames_ += frames[frame_].bytes();
    begin_ = end;
  }
  lines_ += block.substr(begin_, end_ - begin_);
  begin_ = end_;
}

void KeptRows::compress() {
  frames_ += compressor_->compress(lines_);
  lines_.clear();
}

}  // namespace lehr::text
