// SHA-256 of many files on several threads. A thread takes a slice of the file of which most is
// left, and then another: were files hashed whole, one after another, the last of a few large ones
// would keep a single thread busy. Of eight files on two threads, beside the thread that sends them
// to disk, that was a sixth of the time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lehr::runtime {

struct FileHash {
  std::string sha256;
  std::uint64_t bytes = 0;
};

// In the order of `paths`. Throws IoError.
std::vector<FileHash> hash_files(const std::vector<std::filesystem::path>& paths, unsigned threads,
                                 std::uint64_t slice_bytes = 16u << 20);

}  // namespace lehr::runtime
