// The rows of a block that are written again. Where all the rows of a zstd frame of the block's
// file stay as they are, so does the frame: compressing takes most of the time of a stage that
// drops little. The bytes depend on the bytes of the block's file and on nothing else.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "text/documents.h"

namespace lehr::text {

class KeptRows {
 public:
  // Begins anew. block: its frames were kept (LineBlocks); it and the compressor must stay until
  // finish().
  void start(const LineBlock& block, FrameCompressor& compressor);
  // The next row as it is written, without a line end: of the block, or from elsewhere.
  void add(std::string_view row);
  void add(const Document& document);
  void finish();
  // Zstd frames with the rows as lines; empty if there are none. Valid until the next start().
  const std::string& frames() const { return frames_; }

 private:
  void take_lines();
  void compress();

  const LineBlock* block_ = nullptr;
  FrameCompressor* compressor_ = nullptr;
  std::size_t begin_ = 0, end_ = 0;  // lines of the block, one behind the other, not taken yet
  std::size_t frame_ = 0;            // of the block, the next
  std::string lines_;                // to be compressed
  std::string frames_;
};

}  // namespace lehr::text
