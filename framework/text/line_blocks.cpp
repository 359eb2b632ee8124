#include "text/line_blocks.h"

#include <lehr/value.h>

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

namespace lehr::text {

LineBlocks::LineBlocks(std::vector<std::filesystem::path> files)
    : LineBlocks(std::move(files), Options{}) {}

LineBlocks::LineBlocks(std::vector<std::filesystem::path> files, Options options)
    : files_(std::move(files)), options_(options) {
  for (const auto& file : files_) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    if (!error) total_bytes_ += size;  // one that is missing fails when its turn comes
  }
}

void LineBlocks::decompress_ahead(int threads) {
  threads_ = threads;
  if (file_) file_->decompress_ahead(threads);
}

bool LineBlocks::open_next() {
  if (file_) finished_bytes_ += file_->position();
  file_.reset();
  if (next_file_ == files_.size()) return false;
  file_.emplace(files_[next_file_++]);
  file_->decompress_ahead(threads_);
  if (options_.keep_frames) file_->keep_frames();
  offset_ = 0;
  line_ = 1;
  carry_.clear();
  at_end_ = false;
  return true;
}

bool LineBlocks::next(LineBlock& block) {
  for (;;) {
    while (at_end_)
      if (!open_next()) return false;
    std::size_t filled = carry_.size();
    std::size_t room = options_.block_bytes;
    while (room <= filled)
      room *= 2;  // as if begun here: blocks do not depend on where one resumed
    block.buffer.resize(room + LineBlock::kPadding);
    std::copy(carry_.begin(), carry_.end(), block.buffer.begin());
    carry_.clear();
    std::size_t end = 0;  // behind the last line end
    for (;;) {
      const std::size_t got = file_->read(block.buffer.data() + filled, room - filled);
      at_end_ = got < room - filled;
      const char* found =
          static_cast<const char*>(::memrchr(block.buffer.data() + filled, '\n', got));
      filled += got;
      if (at_end_)
        end = filled;
      else if (found != nullptr)
        end = static_cast<std::size_t>(found - block.buffer.data()) + 1;
      if (at_end_ || end > 0) break;
      if (filled >= options_.max_line_bytes)
        throw Error(file_->path().string() + ":" + std::to_string(line_) + ": line longer than " +
                    std::to_string(options_.max_line_bytes) + " bytes");
      room = std::min(2 * room, std::max(options_.max_line_bytes, room));
      if (room == filled) room += options_.block_bytes;
      block.buffer.resize(room + LineBlock::kPadding);
    }
    if (end == 0) continue;  // an empty rest of a file
    carry_.assign(block.buffer.begin() + end, block.buffer.begin() + filled);
    std::fill_n(block.buffer.begin() + end, LineBlock::kPadding, '\0');
    block.size = end;
    block.file = next_file_ - 1;
    block.first_line = line_;
    line_ += count_line_ends(block.bytes());
    if (block.bytes().back() != '\n') ++line_;
    block.end_line = line_;
    offset_ += end;
    block.end_offset = offset_;
    block.frames.clear();
    file_->take_frames(block.offset(), block.end_offset, block.frames);
    return true;
  }
}

void LineBlocks::resume(std::size_t file, std::uint64_t end_offset, std::uint64_t end_line) {
  next_file_ = file;
  if (!open_next()) return;
  finished_bytes_ = 0;
  for (std::size_t i = 0; i < file; ++i) {
    std::error_code error;
    const auto size = std::filesystem::file_size(files_[i], error);
    if (!error) finished_bytes_ += size;
  }
  std::vector<char> skipped(std::min<std::uint64_t>(end_offset, 1 << 20));
  for (std::uint64_t left = end_offset; left > 0;) {
    const std::size_t n = file_->read(skipped.data(), std::min<std::uint64_t>(left, 1 << 20));
    if (n == 0) throw Error(file_->path().string() + ": is shorter than when its reading began");
    left -= n;
    std::vector<CompressedFrame> passed;
    file_->take_frames(end_offset, end_offset - left, passed);
  }
  offset_ = end_offset;
  line_ = end_line;
}

std::uint64_t LineBlocks::position() const {
  return finished_bytes_ + (file_ ? file_->position() : 0);
}

std::uint64_t count_line_ends(std::string_view bytes) {
  std::uint64_t count = 0;
  for (std::size_t at = 0; (at = bytes.find('\n', at)) != bytes.npos; ++at) ++count;
  return count;
}

bool take_line(std::string_view& rest, std::string_view& line) {
  if (rest.empty()) return false;
  const std::size_t end = rest.find('\n');
  line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return true;
}

}  // namespace lehr::text
