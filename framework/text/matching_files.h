// What a path or pattern of a pipeline file names: one file, all files below a folder, or the files
// that a glob matches.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::text {

// Regular files, sorted. Globs: `*`, `?`, `[...]` within a name and `**` for any number of folders;
// names that begin with a dot are matched only by a pattern that does.
std::vector<std::filesystem::path> matching_files(const std::string& pattern);
// Whether there is one; does not look for all of them.
bool matches_a_file(const std::string& pattern);

// Why a pattern that matches no file does not, for behind "no file matches": ": the folder 'a' is
// empty", ": 'a/b' is a link to 'c', which is not there"; "" if there is no more to say.
std::string why_no_file(const std::string& pattern);

// The part of `pattern` before the first name with a wildcard; for a plain file its folder. Names
// relative to it do not change when all files are moved together.
std::filesystem::path fixed_folder(const std::string& pattern);

// The name of a file relative to `folder`, the fixed folder of the pattern that matches it.
std::string name_below(const std::filesystem::path& folder, const std::filesystem::path& file);

// Whether a file's name ends in `ending` (".txt"), in capitals or not.
bool has_ending(std::string_view name, std::string_view ending);

// "'a.jsonl'", "'a.jsonl' and 2 more files".
std::string named_files(const std::vector<std::filesystem::path>& files);

// What to tell of files in a folder that a stage does not read: "4 files of 'notes/' are passed
// over: a.md, b/c.md, d.md, ...". files: of the folder `pattern`, not none.
std::string passed_over(const std::string& pattern,
                        const std::vector<std::filesystem::path>& files);

}  // namespace lehr::text
