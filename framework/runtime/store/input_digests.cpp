#include "runtime/store/input_digests.h"

#include <cerrno>

#include "runtime/store/checked_json.h"
#include "runtime/store/durable_file.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

bool is_current(const std::string& identity) {
  const std::size_t path = identity.find('\n') + 1;
  // From the end: a path may have line breaks of its own.
  std::size_t path_end = identity.size();
  for (int line = 0; line < 3 && path_end != std::string::npos && path_end > 0; ++line)
    path_end = identity.rfind('\n', path_end - 1);
  if (path == 0 || path_end == std::string::npos || path_end < path) return false;
  const std::string file = identity.substr(path, path_end - path);
  struct stat info {};
  return ::stat(file.c_str(), &info) == 0 &&
         input_identity(identity.substr(0, path - 1), file, info) == identity;
}

}  // namespace

std::string input_identity(std::string_view kind, const fs::path& path, const struct stat& info) {
  std::string out =
      std::string(kind) + "\n" + path.string() + "\n" + std::to_string(info.st_size) + "\n";
  for (const timespec& time : {info.st_mtim, info.st_ctim})
    out += std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec) + " ";
  return out + "\n" + std::to_string(info.st_ino);
}

void forget_changed_inputs(const ArtifactStore& store) try {
  const fs::path file = store.root() / "cache" / "input-digests.json";
  try {
    const Json known = read_checked_json(file);
    Json current = Json::array();
    for (const Json& entry : known.at("files"))
      if (is_current(entry.at(0).get<std::string>())) current.push_back(entry);
    if (current.size() < known.at("files").size())
      write_file_atomically(file, checked_json({{"files", std::move(current)}}));
    return;
  } catch (const StoreError&) {
  } catch (const Json::exception&) {
  } catch (const IoError& e) {
    if (e.error_number != EFBIG) return;  // else it is larger than what is ever read
  }
  remove_tree(file);
} catch (const IoError&) {  // a cache may stay as it is
}

}  // namespace lehr::runtime
