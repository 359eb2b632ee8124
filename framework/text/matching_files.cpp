#include "text/matching_files.h"

#include <fnmatch.h>
#include <strings.h>

#include <algorithm>
#include <string_view>
#include <system_error>

namespace lehr::text {
namespace {

namespace fs = std::filesystem;

bool has_wildcard(std::string_view name) { return name.find_first_of("*?[") != name.npos; }
bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

// Throws fs::filesystem_error: half the files of a folder would be taken for all of them.
std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> out;
  if (!is_folder(folder)) return out;
  for (const auto& entry : fs::directory_iterator(folder)) out.push_back(entry.path());
  return out;
}

void add_all_below(const fs::path& folder, std::vector<fs::path>& out) {
  for (const fs::path& entry : entries(folder)) {
    if (is_hidden(entry)) continue;
    if (is_file(entry)) out.push_back(entry);
    if (is_folder(entry) && !fs::is_symlink(entry)) add_all_below(entry, out);
  }
}

// `name` to `end`: the rest of the pattern, to be matched in `folder`.
void add_matches(const fs::path& folder, fs::path::const_iterator name,
                 fs::path::const_iterator end, std::vector<fs::path>& out) {
  if (name == end) {
    if (is_file(folder)) out.push_back(folder);
    if (is_folder(folder)) add_all_below(folder, out);
    return;
  }
  const std::string wanted = name->string();
  const auto rest = std::next(name);
  if (!has_wildcard(wanted)) return add_matches(folder / wanted, rest, end, out);
  if (wanted == "**") {
    if (rest == end) return add_all_below(folder, out);
    add_matches(folder, rest, end, out);
    for (const fs::path& entry : entries(folder))
      if (!is_hidden(entry) && is_folder(entry) && !fs::is_symlink(entry))
        add_matches(entry, name, end, out);
    return;
  }
  for (const fs::path& entry : entries(folder))
    if (::fnmatch(wanted.c_str(), entry.filename().c_str(), FNM_PERIOD) == 0)
      add_matches(entry, rest, end, out);
}

}  // namespace

std::vector<fs::path> matching_files(const std::string& pattern) {
  std::vector<fs::path> out;
  const fs::path path(pattern);
  if (is_file(path) || is_folder(path))  // also one whose name holds a '['
    add_matches(path, path.end(), path.end(), out);
  else
    add_matches("", path.begin(), path.end(), out);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

fs::path fixed_folder(const std::string& pattern) {
  fs::path folder;
  if (is_file(pattern)) return fs::path(pattern).parent_path();
  for (const fs::path& name : fs::path(pattern)) {
    if (has_wildcard(name.string()) && !is_folder(folder / name)) return folder;
    folder /= name;
  }
  return is_folder(folder) ? folder : folder.parent_path();
}

bool has_ending(std::string_view name, std::string_view ending) {
  return name.size() >= ending.size() && ::strncasecmp(name.data() + name.size() - ending.size(),
                                                       ending.data(), ending.size()) == 0;
}

std::string passed_over(const std::string& pattern, const std::vector<fs::path>& files) {
  constexpr std::size_t kNamed = 3;
  const fs::path base = fixed_folder(pattern);
  std::string out = std::to_string(files.size()) + (files.size() == 1 ? " file" : " files") +
                    " of '" + pattern + (files.size() == 1 ? "' is" : "' are") + " passed over: ";
  for (std::size_t i = 0; i < std::min(files.size(), kNamed); ++i)
    out += (i == 0 ? "" : ", ") + files[i].lexically_relative(base).generic_string();
  return files.size() > kNamed ? out + ", ..." : out;
}

}  // namespace lehr::text
