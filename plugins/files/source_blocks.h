// The files of a stage read in order as blocks of whole records, so that one thread can work on a
// block while the next is read. A block holds the records of one file, or of many small ones, so
// that a thousand files of a kilobyte are one block, not a thousand. Blocks depend on the files
// alone: where reading stopped and went on changes none. Memory is one block, or one record where
// that is longer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record_ends.h"
#include "sources.h"
#include "text/collection_state.h"
#include "text/decoded_file.h"

namespace lehr::plugins::files {

struct ReadingRules {
  text::Encoding encoding = text::Encoding::utf8;
  Records text_records = Records::whole;  // of .txt files
  std::size_t max_record_bytes = 64 << 20;
  bool drop_too_long = false;         // else an Error
  std::size_t block_bytes = 8 << 20;  // at most max_record_bytes
  int threads = 1;                    // for CompressedFile::decompress_ahead
};

// Some whole records of one file.
struct Piece {
  std::size_t source = 0;          // its number
  std::uint64_t first_line = 1;    // of the file, where the piece begins
  std::size_t begin = 0, end = 0;  // in the block
};

struct SourceBlock {
  std::vector<char> buffer;  // behind every piece kPadding bytes may be read
  std::vector<Piece> pieces;
  std::vector<std::string> too_long;  // "name:line" of the records dropped for their length
  text::CollectionPosition end;

  static constexpr std::size_t kPadding = 128;
  std::string_view bytes(const Piece& piece) const {
    return {buffer.data() + piece.begin, piece.end - piece.begin};
  }
};

class SourceBlocks {
 public:
  SourceBlocks(std::vector<Source> sources, ReadingRules rules);

  // The next block into `block`, whose buffer is used again; false at the end of the last file.
  // Throws Error with file and line for a record that is too long, and what DecodedFile throws.
  bool next(SourceBlock& block);
  // Goes on behind a block that was read before.
  void resume(const text::CollectionPosition& position);

  const std::vector<Source>& sources() const { return sources_; }
  // Bytes consumed of the (compressed) files and their sum, for progress.
  std::uint64_t position() const { return finished_bytes_ + (file_ ? file_->position() : 0); }
  std::uint64_t total_bytes() const { return total_bytes_; }

 private:
  bool open_next();
  void close_file(SourceBlock& block);
  bool read_some(SourceBlock& block);
  void make_room(SourceBlock& block);
  void add_piece(SourceBlock& block, std::size_t end);
  void pass(const char* bytes, std::size_t size);

  std::vector<Source> sources_;
  ReadingRules rules_;
  std::uint64_t total_bytes_ = 0, finished_bytes_ = 0;
  std::size_t next_source_ = 0;
  std::optional<text::DecodedFile> file_;
  RecordEnds ends_;
  text::CollectionPosition position_;  // of the first byte that no block has
  std::vector<char> carry_;            // the begun record behind the last block
  bool skipping_ = false;              // the rest of a record that is too long
  // Of the block that is filled: bytes in it, bytes for it, where the present file begins, and
  // where the last whole record ends.
  std::size_t filled_ = 0, room_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace lehr::plugins::files
