#include "runtime/plan/input_content.h"

#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/store/durable_file.h"
#include "runtime/store/sha256.h"

namespace lehr::runtime {
namespace {

namespace fs = std::filesystem;

bool has_wildcard(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

void files_below(const fs::path& folder, std::vector<fs::path>& out) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().filename().string().starts_with('.')) {
      it.disable_recursion_pending();
      continue;
    }
    std::error_code ignored;
    if (it->is_regular_file(ignored)) out.push_back(it->path());
  }
}

// What `parts` from `at` on match below `folder`.
void match(const fs::path& folder, const std::vector<std::string>& parts, std::size_t at,
           std::vector<fs::path>& out) {
  std::error_code error;
  if (at == parts.size()) {
    if (fs::is_regular_file(folder, error))
      out.push_back(folder);
    else if (fs::is_directory(folder, error))
      files_below(folder, out);
    return;
  }
  if (!has_wildcard(parts[at])) return match(folder / parts[at], parts, at + 1, out);
  const bool any_depth = parts[at] == "**";
  if (any_depth) match(folder, parts, at + 1, out);
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    std::error_code ignored;
    if (any_depth) {
      if (!name.starts_with('.') && it->is_directory(ignored) && !it->is_symlink(ignored))
        match(it->path(), parts, at, out);
      else if (at + 1 == parts.size() && !name.starts_with('.') && it->is_regular_file(ignored))
        out.push_back(it->path());
    } else if (fnmatch(parts[at].c_str(), name.c_str(), FNM_PERIOD) == 0) {
      match(it->path(), parts, at + 1, out);
    }
  }
}

}  // namespace

fs::path fixed_folder(const std::string& pattern) {
  fs::path folder;
  for (const fs::path& part : fs::path(pattern)) {
    if (has_wildcard(part.string())) return folder;
    folder /= part;
  }
  std::error_code error;
  return fs::is_directory(folder, error) ? folder : folder.parent_path();
}

std::vector<fs::path> matching_files(const std::string& pattern) {
  std::vector<fs::path> out;
  std::error_code error;
  if (fs::exists(pattern, error)) {  // also a file whose name holds a '['
    match(pattern, {}, 0, out);
  } else {
    const fs::path folder = fixed_folder(pattern);
    std::vector<std::string> parts;
    for (const fs::path& part : fs::path(pattern).lexically_relative(folder))
      parts.push_back(part.string());
    if (has_wildcard(pattern)) match(folder, parts, 0, out);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

ContentDigests::ContentDigests(fs::path cache_file) : cache_file_(std::move(cache_file)) {
  std::ifstream file(cache_file_);
  if (cache_file_.empty() || !file) return;
  const auto json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object()) return;  // a cache may be lost at any time
  for (const auto& [key, value] : json.items())
    if (value.is_string()) known_[key] = value.get<std::string>();
}

std::string ContentDigests::file_digest(const fs::path& path, std::uint64_t& bytes) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return sha256_file(path, &bytes);  // reports why
  bytes = static_cast<std::uint64_t>(info.st_size);
  const std::string identity = path.string() + "\n" + std::to_string(info.st_size) + "\n" +
                               std::to_string(info.st_mtim.tv_sec) + "." +
                               std::to_string(info.st_mtim.tv_nsec) + "\n" +
                               std::to_string(info.st_ino);
  if (const auto found = known_.find(identity); found != known_.end()) return found->second;
  std::string digest = sha256_file(path, &bytes);
  if (std::time(nullptr) - info.st_mtim.tv_sec > 2) {
    known_[identity] = digest;
    changed_ = true;
  }
  return digest;
}

std::string ContentDigests::describe(const std::string& pattern) {
  const std::vector<fs::path> files = matching_files(pattern);
  if (files.empty()) return "no files";
  const fs::path folder = fixed_folder(pattern);
  Sha256 all;
  std::uint64_t total = 0;
  for (const fs::path& file : files) {
    std::uint64_t bytes = 0;
    const std::string digest = file_digest(file, bytes);
    const std::string name = file.lexically_relative(folder).generic_string();
    all.update(std::to_string(name.size()) + ":" + name + digest);
    total += bytes;
  }
  return std::to_string(files.size()) + (files.size() == 1 ? " file, " : " files, ") +
         std::to_string(total) + " bytes, sha256 " + all.hex();
}

void ContentDigests::save() const {
  if (!changed_ || cache_file_.empty()) return;
  std::error_code error;
  fs::create_directories(cache_file_.parent_path(), error);
  const fs::path fresh = cache_file_.string() + "." + std::to_string(::getpid());
  std::ofstream file(fresh);
  file << nlohmann::json(known_).dump(0) << "\n";
  file.close();
  if (file)
    fs::rename(fresh, cache_file_, error);
  else
    fs::remove(fresh, error);
}

}  // namespace lehr::runtime
