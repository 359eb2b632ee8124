#include "source_blocks.h"

#include <lehr/value.h>

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "text/line_blocks.h"

namespace lehr::plugins::files {
namespace {

constexpr std::size_t kMostTooLong = 4096;  // records of one block, which may have no others

std::uint64_t size_of(const Source& source) {
  std::error_code error;
  const auto size = std::filesystem::file_size(source.path, error);
  return error ? 0 : size;  // one that is missing fails when its turn comes
}

}  // namespace

SourceBlocks::SourceBlocks(std::vector<Source> sources, ReadingRules rules)
    : sources_(std::move(sources)), rules_(rules) {
  rules_.block_bytes = std::min(rules_.block_bytes, rules_.max_record_bytes);
  for (const Source& source : sources_) total_bytes_ += size_of(source);
}

bool SourceBlocks::open_next() {
  if (next_source_ == sources_.size()) return false;
  const Source& source = sources_[next_source_];
  file_.emplace(source.path, rules_.encoding, rules_.threads);
  position_ = {next_source_++, 0, 1};
  const Records records = source.format == Format::json_lines ? Records::lines
                          : source.format == Format::text     ? rules_.text_records
                                                              : Records::csv;
  ends_ = RecordEnds(records, delimiter_of(source.format));
  skipping_ = false;
  return true;
}

// The last record of a file needs no end of its own.
void SourceBlocks::close_file(SourceBlock& block) {
  add_piece(block, filled_);
  begin_ = end_ = filled_;
  finished_bytes_ += file_->position();
  file_.reset();
  position_ = {next_source_, 0, 1};
}

void SourceBlocks::pass(const char* bytes, std::size_t size) {
  position_.offset += size;
  position_.line += text::count_line_ends({bytes, size});
}

void SourceBlocks::add_piece(SourceBlock& block, std::size_t end) {
  if (begin_ == end) return;
  block.pieces.push_back({position_.source, position_.line, begin_, end});
  pass(block.buffer.data() + begin_, end - begin_);
}

// Reads until the block is full; false at the end of the file.
bool SourceBlocks::read_some(SourceBlock& block) {
  char* at = block.buffer.data() + filled_;
  const std::size_t wanted = room_ - filled_, got = file_->read(at, wanted);
  RecordEnds::Found found = ends_.scan({at, got});
  std::size_t cut = 0;
  if (skipping_) {
    skipping_ = found.first == RecordEnds::kNone;
    cut = skipping_ ? got : found.first;
    pass(at, cut);
    std::memmove(at, at + cut, got - cut);
  }
  if (found.last != RecordEnds::kNone) end_ = filled_ + found.last - cut;
  filled_ += got - cut;
  return got == wanted;
}

// The block is full of a part of one record.
void SourceBlocks::make_room(SourceBlock& block) {
  if (room_ <= rules_.max_record_bytes) {  // one byte more tells a longer one
    room_ = std::min(2 * room_, rules_.max_record_bytes + 1);
    block.buffer.resize(room_ + SourceBlock::kPadding);
    return;
  }
  const Source& source = sources_[position_.source];
  const std::string line = ":" + std::to_string(position_.line);
  if (!rules_.drop_too_long)
    throw Error(source.path.string() + line + ": the document that begins here has more than " +
                std::to_string(rules_.max_record_bytes) + " bytes" +
                (delimiter_of(source.format) != 0 ? " (is a quote left open?)" : "") +
                ". Raise max_document_bytes, or set malformed to 'drop' to go on without it");
  block.too_long.push_back(source.name + line);
  pass(block.buffer.data(), filled_);
  filled_ = 0;
  skipping_ = true;
}

bool SourceBlocks::next(SourceBlock& block) {
  block.pieces.clear();
  block.too_long.clear();
  begin_ = end_ = 0;
  filled_ = carry_.size();
  room_ = rules_.block_bytes;  // as if nothing was carried: blocks do not depend on a resume
  while (room_ <= filled_) room_ = std::min(2 * room_, rules_.max_record_bytes + 1);
  block.buffer.resize(std::max(block.buffer.size(), room_ + SourceBlock::kPadding));
  std::copy(carry_.begin(), carry_.end(), block.buffer.begin());
  carry_.clear();
  while (filled_ < room_ && (skipping_ || block.too_long.size() < kMostTooLong)) {
    if (!file_ && !open_next()) break;
    if (!read_some(block))
      close_file(block);
    else if (filled_ == room_ && end_ == 0)
      make_room(block);
  }
  if (file_) {
    add_piece(block, end_);
    const char* bytes = block.buffer.data();
    carry_.assign(bytes + end_, bytes + filled_);
  }
  block.end = position_;
  return !block.pieces.empty() || !block.too_long.empty();
}

void SourceBlocks::resume(const text::CollectionPosition& position) {
  finished_bytes_ = 0;
  for (std::size_t i = 0; i < position.source && i < sources_.size(); ++i)
    finished_bytes_ += size_of(sources_[i]);
  next_source_ = position.source;
  position_ = position;
  if (position.offset == 0 || !open_next()) return;
  std::vector<char> skipped(1 << 20);
  for (std::uint64_t left = position.offset; left > 0;) {
    const std::size_t n = file_->read(
        skipped.data(), static_cast<std::size_t>(std::min<std::uint64_t>(left, skipped.size())));
    if (n == 0) throw Error(file_->path().string() + ": is shorter than when its reading began");
    left -= n;
  }
  position_ = position;
}

}  // namespace lehr::plugins::files
