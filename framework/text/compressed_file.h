// Files read as one stream of bytes, whether they are plain, gzip (any number of members) or zstd
// (any number of frames); and lines made into zstd frames. What a file is, is told by its first
// bytes, not by its name. A file that ends in the middle of a member or frame is an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::text {

// A frame of a zstd file as it stands there.
struct CompressedFrame {
  std::uint64_t begin, end;  // of what it holds, in the bytes of the decompressed file
  std::shared_ptr<const std::string> read;  // what was read of the file at once
  std::size_t at, size;                     // where in it the frame is
  std::string_view bytes() const { return std::string_view(*read).substr(at, size); }
};

class CompressedFile {
 public:
  // Throws Error if the file cannot be opened.
  explicit CompressedFile(std::filesystem::path path);
  ~CompressedFile();
  CompressedFile(CompressedFile&&) noexcept;
  CompressedFile& operator=(CompressedFile&&) noexcept;

  // Reads up to `size` decompressed bytes; fewer only at the end of the file. Throws Error on a
  // damaged or truncated file, naming it.
  std::size_t read(char* out, std::size_t size);
  // From now on so many frames of a zstd file may be decompressed before they are read, by threads
  // of the TBB arena in which read() is called: those that say their size, as FrameCompressor's do.
  void decompress_ahead(int threads);
  // From now on frames that say their size are kept, until they are asked for.
  void keep_frames();
  // Adds those kept that hold nothing but bytes from `begin` to `end`, which read() gave, and keeps
  // only those that hold bytes behind `end`.
  void take_frames(std::uint64_t begin, std::uint64_t end, std::vector<CompressedFrame>& out);
  // Bytes of the file itself consumed so far, for progress.
  std::uint64_t position() const;
  const std::filesystem::path& path() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Lines as zstd frames with their sizes and checksums: the same bytes in, the same bytes out.
// Frames written one after the other are one valid file. Level 1: writing documents is bound by
// compression, and takes half the time of level 3 for a seventh more disk. Frames are short so that
// those in which nothing changes can be written again as they are (KeptRows): of 64 KiB they take 2
// to 4 % more disk than of 8 MiB. Not for several threads at once.
class FrameCompressor {
 public:
  static constexpr std::size_t kFrameBytes = 64
                                             << 10;  // a frame ends with the line that reaches it

  FrameCompressor();
  ~FrameCompressor();
  FrameCompressor(FrameCompressor&&) noexcept;
  // The frames, one of no bytes if there are none; valid until the next call.
  std::string_view compress(std::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lehr::text
