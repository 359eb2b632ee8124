// One digest of the names and the content of the files that an input_path parameter names
// (text/matching_files.h), for the stage key. Names are relative to the pattern's fixed folder, so
// that moving all files together changes nothing.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>

#include "runtime/store/store.h"

namespace lehr::runtime {

// Remembers the SHA-256 of files by path, size, times of modification and change, and inode in the
// store's cache/, so that large inputs are hashed once. A file younger than two seconds is not
// remembered: it may change within the clock's grain.
class ContentDigests {
 public:
  // With what `store` remembers; null: there is none yet.
  explicit ContentDigests(const ArtifactStore* store);
  // "3 files, 1204 bytes, sha256 ...". "no files" if nothing matches. Throws IoError.
  std::string describe(const std::string& pattern);
  // SHA-256 of each file by its name, as they go into describe(). Throws IoError.
  std::map<std::string, std::string> files(const std::string& pattern);
  // What `digest` makes of a file, remembered likewise; `kind` tells one such function from others.
  std::string remembered(const std::string& kind, const std::filesystem::path& path,
                         const std::function<std::string()>& digest);
  // Lets `store` remember what was learnt; failure to do so is no error.
  void save(const ArtifactStore& store) const;

 private:
  std::string remembered(const std::string& kind, const std::filesystem::path& path,
                         const struct stat& info, const std::function<std::string()>& digest);
  std::string file_digest(const std::filesystem::path& path, std::uint64_t& bytes);

  std::unordered_map<std::string, std::string>
      known_;  // "kind\npath\nsize\ntimes\ninode" -> digest
  bool changed_ = false;
};

}  // namespace lehr::runtime
