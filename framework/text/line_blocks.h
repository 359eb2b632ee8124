// A list of text files read as blocks of whole lines, in order, so that the lines of one block can
// be worked on by one thread while the next block is read. A block never spans two files. Memory
// is one block, or one line where a line is longer than that.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/compressed_file.h"
#include "text/page_buffer.h"

namespace lehr::text {

// The most that a stage may let a document have, and the longest line that stages read: such a
// document as JSON where each of its bytes takes six ("\u0001"), and its id and names of columns.
constexpr std::size_t kMaxDocumentBytes = 256 << 20;
constexpr std::size_t kMaxLineBytes = 6 * kMaxDocumentBytes + (64 << 20);

struct LineBlock {
  std::size_t file = 0;          // index into the list
  std::uint64_t first_line = 1;  // number of the first line in its file, from 1
  std::uint64_t end_line = 1;    // number of the first line after the block
  std::uint64_t end_offset = 0;  // decompressed bytes of the file up to the end of the block
  std::size_t size = 0;
  PageBuffer buffer;  // `size` bytes and kPadding zeros, which JSON parsers may read
  std::vector<CompressedFrame> frames;  // those that hold nothing but bytes of the block, if kept

  static constexpr std::size_t kPadding = 128;
  // Lines end in \n, the last line of a file perhaps not.
  std::string_view bytes() const { return {buffer.data(), size}; }
  std::uint64_t offset() const { return end_offset - size; }  // as end_offset
};

class LineBlocks {
 public:
  struct Options {
    std::size_t block_bytes = 8 << 20;
    std::size_t max_line_bytes = kMaxLineBytes;  // a longer line is an error
    bool keep_frames = false;
  };

  explicit LineBlocks(std::vector<std::filesystem::path> files);
  LineBlocks(std::vector<std::filesystem::path> files, Options options);

  // As CompressedFile's, for all files.
  void decompress_ahead(int threads);
  // The next block into `block`, whose buffer is used again; false at the end of the last file.
  bool next(LineBlock& block);
  // Goes on behind a block that was read before: `end_offset` and `end_line` of block `file`.
  void resume(std::size_t file, std::uint64_t end_offset, std::uint64_t end_line);

  const std::vector<std::filesystem::path>& files() const { return files_; }
  // Bytes consumed of the (compressed) files and their sum, for progress.
  std::uint64_t position() const;
  std::uint64_t total_bytes() const { return total_bytes_; }

 private:
  bool open_next();

  std::vector<std::filesystem::path> files_;
  Options options_;
  std::uint64_t total_bytes_ = 0, finished_bytes_ = 0;
  std::size_t next_file_ = 0;
  int threads_ = 1;
  std::optional<CompressedFile> file_;
  std::uint64_t offset_ = 0, line_ = 1;
  std::vector<char> carry_;  // the begun line behind the last block
  bool at_end_ = true;
};

// The end of a block, for a pass that goes on there another time.
struct BlockPosition {
  bool begun = false;  // false: at the beginning
  std::size_t file = 0;
  std::uint64_t end_offset = 0, end_line = 1;

  void set(const LineBlock& block) { *this = {true, block.file, block.end_offset, block.end_line}; }
  void resume(LineBlocks& blocks) const {
    if (begun) blocks.resume(file, end_offset, end_line);
  }
};

// How many \n there are.
std::uint64_t count_line_ends(std::string_view bytes);

// Takes the first line off `rest`, without its \n or \r\n. False if `rest` is empty.
bool take_line(std::string_view& rest, std::string_view& line);

}  // namespace lehr::text
