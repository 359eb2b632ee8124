#include "runtime/plan/input_content.h"

#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <utility>

#include "runtime/store/artifact.h"
#include "runtime/store/checked_json.h"
#include "runtime/store/durable_file.h"
#include "runtime/store/input_digests.h"
#include "runtime/store/json_member.h"
#include "runtime/store/sha256.h"
#include "text/matching_files.h"

namespace lehr::runtime {

namespace fs = std::filesystem;
using text::fixed_folder;
using text::matching_files;

namespace {

fs::path cache_file(const ArtifactStore& store) {
  return store.root() / "cache" / "input-digests.json";
}

}  // namespace

ContentDigests::ContentDigests(const ArtifactStore* store) {
  if (store == nullptr) return;
  try {
    simdjson::dom::parser parser;
    const std::string text = read_checked_text(cache_file(*store));
    const auto files = member<JsonArray>(parse_object(text, parser), "files");
    known_.reserve(files.size());
    for (const auto file : files) {
      const auto pair = value<JsonArray>(file, "files");
      known_.emplace(value<std::string_view>(pair.at(0), "files"),
                     value<std::string_view>(pair.at(1), "files"));
    }
  } catch (const IoError&) {  // a cache may be lost at any time
  } catch (const StoreError&) {
  }
}

std::string ContentDigests::remembered(const std::string& kind, const fs::path& path,
                                       const std::function<std::string()>& digest) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return digest();  // reports why
  return remembered(kind, path, info, digest);
}

std::string ContentDigests::remembered(const std::string& kind, const fs::path& path,
                                       const struct stat& info,
                                       const std::function<std::string()>& digest) {
  std::string identity = input_identity(kind, path, info);
  if (const auto found = known_.find(identity); found != known_.end()) return found->second;
  std::string out = digest();
  if (std::time(nullptr) - info.st_mtim.tv_sec > 2) {
    known_[std::move(identity)] = out;
    changed_ = true;
  }
  return out;
}

std::string ContentDigests::file_digest(const fs::path& path, std::uint64_t& bytes) {
  const auto digest = [&] { return sha256_file(path, &bytes); };
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return digest();  // reports why
  bytes = static_cast<std::uint64_t>(info.st_size);
  return remembered("file", path, info, digest);
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
    const std::string name = text::name_below(folder, file);
    all.update(std::to_string(name.size()) + ":" + name + digest);
    total += bytes;
  }
  return std::to_string(files.size()) + (files.size() == 1 ? " file, " : " files, ") +
         std::to_string(total) + " bytes, sha256 " + all.hex();
}

std::map<std::string, std::string> ContentDigests::files(const std::string& pattern) {
  std::map<std::string, std::string> out;
  const fs::path folder = fixed_folder(pattern);
  for (const fs::path& file : matching_files(pattern)) {
    std::uint64_t bytes = 0;
    out[text::name_below(folder, file)] = file_digest(file, bytes);
  }
  return out;
}

void ContentDigests::save(const ArtifactStore& store) const {
  if (!changed_) return;
  try {
    nlohmann::ordered_json files = nlohmann::ordered_json::array();  // pairs: read in linear time
    for (const auto& [identity, digest] : std::map(known_.begin(), known_.end()))
      files.push_back({identity, digest});
    make_folders(cache_file(store).parent_path());
    write_file_atomically(cache_file(store), checked_json({{"files", files}}));
  } catch (const IoError&) {  // then the next run reads the files again
  }
}

}  // namespace lehr::runtime
