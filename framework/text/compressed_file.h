// Files read as one stream of bytes, whether they are plain, gzip (any number of members) or zstd
// (any number of frames); and bytes made into one zstd frame. What a file is, is told by its first
// bytes, not by its name. A file that ends in the middle of a member or frame is an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace lehr::text {

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
  // Bytes of the file itself consumed so far, for progress.
  std::uint64_t position() const;
  const std::filesystem::path& path() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `bytes` as one zstd frame with its size and a checksum: the same bytes in, the same bytes out.
// Frames written one after the other are one valid file. Level 1: writing documents is bound by
// compression, and takes half the time of level 3 for a seventh more disk. Not for several threads
// at once.
class FrameCompressor {
 public:
  FrameCompressor();
  ~FrameCompressor();
  FrameCompressor(FrameCompressor&&) noexcept;
  // The frame, valid until the next call.
  std::string_view compress(std::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lehr::text
