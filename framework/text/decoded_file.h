// A file read as UTF-8, whatever it was written in: plain, gzip or zstd, UTF-8 or an older
// encoding. A byte order mark is taken off. What cannot be a character stays bytes that are not
// UTF-8, for the reader's own policy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "text/compressed_file.h"

namespace lehr::text {

enum class Encoding { utf8, utf16, latin1, windows1252 };

// "utf-8", "utf-16", "latin-1", "windows-1252". Throws Error for other names.
Encoding encoding_from_name(std::string_view name);

class DecodedFile {
 public:
  // Throws Error if the file cannot be opened, or begins with the byte order mark of an encoding
  // other than the one given. UTF-16 without a mark is little-endian. threads: for
  // CompressedFile::decompress_ahead.
  DecodedFile(std::filesystem::path path, Encoding encoding, int threads = 1);

  // Reads up to `size` bytes of UTF-8; fewer only at the end. Throws Error as CompressedFile does.
  std::size_t read(char* out, std::size_t size);
  // Bytes of the file itself consumed so far, for progress.
  std::uint64_t position() const { return file_.position(); }
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  void begin();
  bool decode_more();

  CompressedFile file_;
  Encoding encoding_;
  bool big_endian_ = false;
  std::string raw_;              // read, not yet decoded
  std::string ready_;            // decoded, not yet given out
  std::size_t given_ = 0;        // of ready_
  std::uint32_t surrogate_ = 0;  // the first half of a pair, waiting for the second
};

}  // namespace lehr::text
