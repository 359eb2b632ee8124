// What an input_path parameter names: a file, all files below a folder, or the files a glob
// matches; and one digest of their names and content for the stage key.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::runtime {

// Regular files, sorted. Globs: `*`, `?`, `[...]` within a name and `**` for any number of folders;
// names that begin with a dot are matched only by a pattern that does.
std::vector<std::filesystem::path> matching_files(const std::string& pattern);

// The part of `pattern` before its first wildcard's folder; for a plain file the folder it is in.
// Names in the digest are relative to it, so that moving all files together changes nothing.
std::filesystem::path fixed_folder(const std::string& pattern);

// Remembers the SHA-256 of files by path, size, modification time and inode in `cache_file` (none
// if empty), so that large inputs are hashed once. A file younger than two seconds is not
// remembered: it may change within the clock's grain.
class ContentDigests {
 public:
  explicit ContentDigests(std::filesystem::path cache_file);
  // "3 files, 1204 bytes, sha256 ...". "no files" if nothing matches. Throws IoError.
  std::string describe(const std::string& pattern);
  // Writes what was learnt; failure to do so is no error.
  void save() const;

 private:
  std::string file_digest(const std::filesystem::path& path, std::uint64_t& bytes);

  std::filesystem::path cache_file_;
  std::map<std::string, std::string> known_;  // "path\nsize\nmtime\ninode" -> digest
  bool changed_ = false;
};

}  // namespace lehr::runtime
