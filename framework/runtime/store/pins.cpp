#include "runtime/store/pins.h"

#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "runtime/store/checked_json.h"
#include "text/whole_number.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

fs::path pin_path(const ArtifactStore& store, const std::string& digest) {
  return store.root() / "pins" / (digest + ".json");
}

Pin read_pin(const fs::path& path) try {
  const auto json = read_checked_json(path);
  if (text::whole_number<int>(json.at("format")) != 1) return {"(made by a newer Lehr)", 0};
  return {json.at("reason"), text::whole_number<std::int64_t>(json.at("unix_time"))};
} catch (const std::exception&) {
  return {"(the pin's file is damaged)", 0};
}

}  // namespace

std::map<std::string, Pin> list_pins(const ArtifactStore& store) {
  std::map<std::string, Pin> out;
  if (!fs::exists(store.root() / "pins")) return out;
  for (const auto& entry : fs::directory_iterator(store.root() / "pins"))
    if (const std::string digest = entry.path().stem().string();
        is_digest(digest) && entry.path().extension() == ".json")
      out[digest] = read_pin(entry.path());
  return out;
}

void pin(const ArtifactStore& store, const std::string& digest, const std::string& reason) {
  const FileDescriptor lock = store.shared_lock();  // gc sees the artifact and its pin, or neither
  store.artifact(digest);
  make_folders(store.root() / "pins");
  write_file_durably(pin_path(store, digest), checked_json({{"format", 1},
                                                            {"digest", digest},
                                                            {"reason", reason},
                                                            {"unix_time", std::time(nullptr)}}));
  fsync_path(store.root());
}

bool unpin(const ArtifactStore& store, const std::string& digest) {
  const fs::path path = pin_path(store, digest);
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    throw IoError("cannot remove", path, errno);
  }
  fsync_path(path.parent_path());
  return true;
}

}  // namespace lehr::runtime
