// SHA-256 over the first bytes of files that only grow: the outputs of a stage between two
// checkpoints. What was summed of a large one before is not read again; a small one may also be
// written anew each time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "runtime/store/sha256.h"

namespace lehr::host {

class GrowingSums {
 public:
  // Of the first `length` bytes of `path`. A file that is another one now, or shorter than it was,
  // is read from its beginning. Throws IoError; StoreError if it has fewer bytes.
  std::string of(const std::filesystem::path& path, std::uint64_t length);

 private:
  struct Known {
    std::unique_ptr<runtime::Sha256> sum;
    std::uint64_t length = 0;
    ino_t inode = 0;
  };
  std::map<std::filesystem::path, Known> files_;
};

}  // namespace lehr::host
