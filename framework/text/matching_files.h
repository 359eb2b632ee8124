// What a path or pattern of a pipeline file names: one file, all files below a folder, or the files
// that a glob matches.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lehr::text {

// Regular files, sorted. Globs: `*`, `?`, `[...]` within a name and `**` for any number of folders;
// names that begin with a dot are matched only by a pattern that does.
std::vector<std::filesystem::path> matching_files(const std::string& pattern);

// The part of `pattern` before the first name with a wildcard; for a plain file its folder. Names
// relative to it do not change when all files are moved together.
std::filesystem::path fixed_folder(const std::string& pattern);

}  // namespace lehr::text
