#include "text/matching_files.h"

#include <fnmatch.h>
#include <strings.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

namespace lehr::text {
namespace {

namespace fs = std::filesystem;

bool has_wildcard(std::string_view name) { return name.find_first_of("*?[") != name.npos; }

std::string_view file_name(const fs::path& path) {
  return std::string_view(path.native()).substr(path.native().rfind('/') + 1);
}
bool is_hidden(const fs::path& path) { return file_name(path).starts_with('.'); }

// Of what a folder was asked for, most answers are known without asking again.
bool is_file(const fs::directory_entry& entry) {
  std::error_code error;
  return entry.is_regular_file(error);
}

bool is_folder(const fs::directory_entry& entry) {
  std::error_code error;
  return entry.is_directory(error);
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

fs::directory_entry entry_of(const fs::path& path) {
  std::error_code error;
  return fs::directory_entry(path, error);
}

// Throws fs::filesystem_error: half the files of a folder would be taken for all of them.
std::vector<fs::directory_entry> entries(const fs::directory_entry& folder) {
  std::vector<fs::directory_entry> out;
  if (!is_folder(folder)) return out;
  for (const auto& entry : fs::directory_iterator(folder.path())) out.push_back(entry);
  return out;
}

// Collects files until there are `most`.
class Search {
 public:
  explicit Search(std::size_t most) : most_(most) {}

  void add_all_below(const fs::directory_entry& folder) {
    for (const fs::directory_entry& entry : entries(folder)) {
      if (is_done()) return;
      if (is_hidden(entry.path())) continue;
      if (is_file(entry)) found_.push_back(entry.path());
      if (is_folder(entry) && !entry.is_symlink()) add_all_below(entry);
    }
  }

  // `name` to `end`: the rest of the pattern, to be matched in `folder`.
  void add_matches(const fs::directory_entry& folder, fs::path::const_iterator name,
                   fs::path::const_iterator end) {
    if (is_done()) return;
    if (name == end) {
      if (is_file(folder)) found_.push_back(folder.path());
      if (is_folder(folder)) add_all_below(folder);
      return;
    }
    const std::string wanted = name->string();
    const auto rest = std::next(name);
    if (!has_wildcard(wanted)) return add_matches(entry_of(folder.path() / wanted), rest, end);
    if (wanted == "**") {
      if (rest == end) return add_all_below(folder);
      add_matches(folder, rest, end);
      for (const fs::directory_entry& entry : entries(folder))
        if (!is_hidden(entry.path()) && is_folder(entry) && !entry.is_symlink())
          add_matches(entry, name, end);
      return;
    }
    for (const fs::directory_entry& entry : entries(folder))
      if (::fnmatch(wanted.c_str(), file_name(entry.path()).data(), FNM_PERIOD) == 0)
        add_matches(entry, rest, end);
  }

  std::vector<fs::path>& found() { return found_; }

 private:
  bool is_done() const { return found_.size() >= most_; }

  const std::size_t most_;
  std::vector<fs::path> found_;
};

std::vector<fs::path> search(const std::string& pattern, std::size_t most) {
  Search search(most);
  const fs::path path(pattern);
  if (is_file(path) || is_folder(path))  // also one whose name holds a '['
    search.add_matches(entry_of(path), path.end(), path.end());
  else
    search.add_matches(fs::directory_entry(), path.begin(), path.end());
  return std::move(search.found());
}

// As paths compare, name by name, so '/' comes before all that names hold.
bool comes_before(const fs::path& a, const fs::path& b) {
  const auto rank = [](char c) {
    return c == '/' ? 0 : static_cast<int>(static_cast<unsigned char>(c));
  };
  const std::string &one = a.native(), &other = b.native();
  const auto [at, there] = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
  if (at == one.end() || there == other.end()) return there != other.end();
  return rank(*at) < rank(*there);
}

}  // namespace

std::vector<fs::path> matching_files(const std::string& pattern) {
  std::vector<fs::path> out = search(pattern, std::numeric_limits<std::size_t>::max());
  std::sort(out.begin(), out.end(), comes_before);
  const auto is_same = [](const fs::path& a, const fs::path& b) {
    return a.native() == b.native();
  };
  out.erase(std::unique(out.begin(), out.end(), is_same), out.end());
  return out;
}

bool matches_a_file(const std::string& pattern) { return !search(pattern, 1).empty(); }

namespace {

// A link that leads nowhere, a folder without files, or what cannot be looked at; "": none of them.
std::string why_not(const fs::path& path) {
  std::error_code error;
  const std::string quoted = "'" + path.string() + "'";
  if (fs::is_symlink(fs::symlink_status(path, error)) && !fs::exists(path, error))
    return quoted + " is a link to '" + fs::read_symlink(path, error).string() +
           "', which is not there";
  if (fs::is_directory(path, error)) {
    const auto inside = fs::directory_iterator(path, error);
    if (error) return "the folder " + quoted + " cannot be read: " + error.message();
    if (inside == fs::directory_iterator()) return "the folder " + quoted + " is empty";
    return "the folder " + quoted + " holds no file; names that begin with a dot do not count";
  }
  if (error == std::errc::permission_denied)
    return quoted + " cannot be looked at: " + error.message();
  return fs::is_other(path, error) ? quoted + " is no file, but a pipe, a socket or a device" : "";
}

}  // namespace

std::string why_no_file(const std::string& pattern) {
  fs::path path;
  for (const fs::path& name : fs::path(pattern)) {
    const fs::path next = path / name;
    std::error_code error;
    if (fs::exists(next, error)) {
      path = next;
      continue;
    }
    std::string reason = why_not(next);
    if (has_wildcard(name.string())) {
      if (fs::is_empty(path, error)) reason = why_not(path);
      for (const auto& entry : fs::directory_iterator(path, error))
        if (reason.empty() &&
            ::fnmatch(name.c_str(), file_name(entry.path()).data(), FNM_PERIOD) == 0)
          reason = why_not(entry.path());
    } else if (reason.empty() && next != fs::path(pattern)) {
      reason = "there is no folder '" + next.string() + "'";
    }
    return reason.empty() ? "" : ": " + reason;
  }
  return ": " + why_not(path);
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

std::string name_below(const fs::path& folder, const fs::path& file) {
  std::string_view name = file.native();
  const std::string_view base = folder.native();
  if (!base.empty() && name.starts_with(base)) {
    name.remove_prefix(base.size());
    if (base.ends_with('/') || name.starts_with('/')) {
      name.remove_prefix(std::min(name.find_first_not_of('/'), name.size()));
      if (!name.empty()) return std::string(name);
    }
  }
  return file.lexically_relative(folder).generic_string();
}

bool has_ending(std::string_view name, std::string_view ending) {
  return name.size() >= ending.size() && ::strncasecmp(name.data() + name.size() - ending.size(),
                                                       ending.data(), ending.size()) == 0;
}

std::string named_files(const std::vector<fs::path>& files) {
  if (files.empty()) return "no file";
  std::string out = "'" + files[0].string() + "'";
  if (files.size() > 1) out += " and " + std::to_string(files.size() - 1) + " more file";
  return files.size() > 2 ? out + "s" : out;
}

std::string passed_over(const std::string& pattern, const std::vector<fs::path>& files) {
  constexpr std::size_t kNamed = 3;
  const fs::path base = fixed_folder(pattern);
  std::string out = std::to_string(files.size()) + (files.size() == 1 ? " file" : " files") +
                    " of '" + pattern + (files.size() == 1 ? "' is" : "' are") + " passed over: ";
  for (std::size_t i = 0; i < std::min(files.size(), kNamed); ++i)
    out += (i == 0 ? "" : ", ") + name_below(base, files[i]);
  return files.size() > kNamed ? out + ", ..." : out;
}

}  // namespace lehr::text
