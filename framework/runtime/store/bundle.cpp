#include "runtime/store/bundle.h"

#include <unistd.h>

#include <algorithm>
#include <random>

#include "runtime/store/archive_file.h"
#include "runtime/store/checked_json.h"
#include "runtime/store/lease.h"
#include "runtime/store/pins.h"
#include "text/whole_number.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
namespace {

constexpr std::uint64_t kLargestJson = 1u << 28;   // as the store's own
constexpr std::uint64_t kLargestLists = 1u << 28;  // all artifact.json files: they stay in memory
constexpr std::uint64_t kRoomLeft = 64u << 20;     // a disk is not filled to the last byte

struct Contents {
  std::vector<std::string> named, results, artifacts;
  std::uint64_t bytes = 0;
};

std::string result_name(const std::string& key) { return "results/" + key + ".json"; }
std::string file_name(const std::string& digest, const std::string& name) {
  return "artifacts/" + digest + "/" + name;
}

std::string artifact_text(const Artifact& artifact) { return artifact.to_json().dump(1) + "\n"; }

bool has_plain_names(const std::map<std::string, Artifact>& artifacts) {
  const auto plain = [](unsigned char c) { return c < 0x80; };
  for (const auto& [digest, artifact] : artifacts)
    for (const ArtifactFile& file : artifact.files)
      if (!std::all_of(file.name.begin(), file.name.end(), plain)) return false;
  return true;
}

std::vector<std::string> sorted_digests(const nlohmann::json& list) {
  auto out = list.get<std::vector<std::string>>();
  if (!std::all_of(out.begin(), out.end(), is_digest) ||
      std::adjacent_find(out.begin(), out.end(), std::greater_equal<>()) != out.end())
    throw StoreError("'bundle.json' does not list digests in order");
  return out;
}

Contents read_contents(const std::string& file) try {
  const auto json = text::parse_json<nlohmann::json>(file);
  if (const auto format = text::whole_number<std::int64_t>(json.at("format")); format != 1)
    throw StoreError("the bundle's format " + std::to_string(format) +
                     " is newer than this Lehr knows");
  Contents out{sorted_digests(json.at("named")), sorted_digests(json.at("results")),
               sorted_digests(json.at("artifacts")),
               text::whole_number<std::uint64_t>(json.at("bytes"))};
  for (const std::string& digest : out.named)
    if (!std::binary_search(out.artifacts.begin(), out.artifacts.end(), digest))
      throw StoreError("'bundle.json' names an artifact that is not in it");
  return out;
} catch (const nlohmann::json::exception&) {
  throw StoreError("its 'bundle.json' is malformed");
} catch (const text::JsonError&) {
  throw StoreError("its 'bundle.json' is malformed");
}

// Where a bundle is unpacked: a folder in work/ that is held like a stage in progress, so that gc
// leaves it alone, and takes it if we are killed.
class Staging {
 public:
  explicit Staging(const ArtifactStore& store)
      : folder_(store.work_path("import-" + std::to_string(std::random_device()()) + "-" +
                                std::to_string(::getpid()))),
        lease_(Lease::try_take(folder_)) {
    if (!lease_) throw StoreError("'" + folder_.string() + "' is in use");
    make_folders(folder_ / "results");
    make_folders(folder_ / "artifacts");
  }
  ~Staging() {
    try {
      remove_tree(folder_);
    } catch (const std::exception&) {  // gc takes it
    }
  }
  fs::path artifact(const std::string& digest) const { return folder_ / "artifacts" / digest; }
  fs::path result(const std::string& key) const { return folder_ / "results" / (key + ".json"); }
  const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
  std::optional<Lease> lease_;
};

// What may still come, so that a small bundle cannot become a large one.
struct Budget {
  std::uint64_t files, lists = kLargestLists;

  static void take(std::uint64_t& left, std::uint64_t bytes) {
    if (bytes > left) throw StoreError("it holds more than it announces");
    left -= bytes;
  }
};

void unpack_result(ArchiveReader& archive, const std::string& key, const fs::path& path,
                   Budget& budget) {
  const std::string text = archive.text(result_name(key), kLargestJson);
  Budget::take(budget.files, text.size());
  write_file_atomically(path, text);
}

Artifact unpack_artifact(ArchiveReader& archive, const std::string& digest, const fs::path& folder,
                         Budget& budget) {
  const std::string text = archive.text(file_name(digest, kArtifactFile), kLargestJson);
  Budget::take(budget.lists, text.size());
  Artifact artifact;
  try {
    artifact = Artifact::parse(text);
  } catch (const StoreError& e) {
    throw StoreError("its '" + file_name(digest, kArtifactFile) + "' is malformed: " + e.what());
  }
  if (artifact.digest() != digest)
    throw StoreError("its artifact " + digest.substr(0, 12) + " describes another one");
  make_folders(folder);
  const std::string* before = nullptr;
  for (const ArtifactFile& file : artifact.files) {
    if (file.name == kArtifactFile || (before != nullptr && *before >= file.name))
      throw StoreError("its artifact " + digest.substr(0, 12) + " lists its files wrongly");
    before = &file.name;
    Budget::take(budget.files, file.size);
    const fs::path target = folder / file.name;
    make_folders(target.parent_path());
    if (archive.extract(file_name(digest, file.name), file.size, target) != file.sha256)
      throw StoreError("the content of '" + file_name(digest, file.name) +
                       "' is not what its artifact says");
  }
  return artifact;
}

// The result, if it is what its name says and all its outputs are at hand; else StoreError.
StageResult check_result(const ArtifactStore& store, const fs::path& path,
                         const std::map<std::string, Artifact>& artifacts) {
  const StageResult result = StageResult::parse(read_checked_text(path));
  const std::string key = path.stem().string();
  if (result.key != key || stage_key(result.key_parts) != key)
    throw StoreError("its result " + key.substr(0, 12) + " belongs to another key");
  for (const auto& [port, output] : result.outputs) {
    const auto found = artifacts.find(output.digest);
    const std::string type =
        found != artifacts.end() ? found->second.type : store.artifact(output.digest).type;
    if (type != output.type)
      throw StoreError("its result " + key.substr(0, 12) + " takes a " + type + " for a " +
                       output.type);
  }
  return result;
}

bool same_outputs(const StageResult& a, const StageResult& b) {
  return std::equal(a.outputs.begin(), a.outputs.end(), b.outputs.begin(), b.outputs.end(),
                    [](const auto& x, const auto& y) {
                      return x.first == y.first && x.second.digest == y.second.digest;
                    });
}

}  // namespace

BundleReport export_bundle(const ArtifactStore& store, const Lineage::Reached& content,
                           const std::vector<std::string>& named, const fs::path& file) {
  const FileDescriptor lock = store.shared_lock();  // gc takes nothing away meanwhile
  BundleReport report;
  const std::set<std::string> wanted(named.begin(), named.end());
  report.named.assign(wanted.begin(), wanted.end());
  std::map<std::string, Artifact> artifacts;
  for (const std::string& digest : content.digests) {
    if (!wanted.contains(digest) && !fs::exists(store.artifact_path(digest))) {
      ++report.missing;
      continue;
    }
    report.bytes += (artifacts[digest] = store.artifact(digest)).bytes();
  }
  std::vector<std::string> keys;  // sorted, as the set is
  for (const std::string& key : content.keys)
    if (store.find_result(key)) {
      keys.push_back(key);
      report.bytes += fs::file_size(store.result_path(key));
    }
  report.artifacts = artifacts.size();
  report.results = keys.size();

  Json list = Json::array();
  std::uint64_t lists = 0;
  for (const auto& [digest, artifact] : artifacts) {
    list.push_back(digest);
    lists += artifact_text(artifact).size();
  }
  if (lists > kLargestLists)
    throw StoreError("the lists of the artifacts' files are longer than an import would read (" +
                     std::to_string(lists >> 20) + " of " + std::to_string(kLargestLists >> 20) +
                     " MiB). Export fewer artifacts at once");
  ArchiveWriter archive(file, has_plain_names(artifacts));
  archive.add("bundle.json", Json{{"format", 1},
                                  {"named", report.named},
                                  {"results", keys},
                                  {"artifacts", list},
                                  {"bytes", report.bytes}}
                                     .dump(1) +
                                 "\n");
  for (const std::string& key : keys)
    archive.add(result_name(key), read_file(store.result_path(key), kLargestJson));
  for (const auto& [digest, artifact] : artifacts) {
    const fs::path folder = store.artifact_path(digest);
    archive.add(file_name(digest, kArtifactFile), artifact_text(artifact));
    for (const ArtifactFile& f : artifact.files)
      if (archive.add_file(file_name(digest, f.name), folder / f.name, f.size) != f.sha256)
        throw StoreError("the content of '" + (folder / f.name).string() +
                         "' has changed. 'lehr store verify --discard' moves the artifact away, "
                         "so that the next run makes it again");
  }
  archive.close();
  return report;
}

BundleReport import_bundle(const ArtifactStore& store, const fs::path& file) try {
  ArchiveReader archive(file);
  const Contents contents = read_contents(archive.text("bundle.json", kLargestJson));
  if (const std::uint64_t room = store.free_bytes();
      contents.bytes > room || room - contents.bytes < kRoomLeft)
    throw StoreError("it needs " + std::to_string(contents.bytes >> 20) + " MiB, and only " +
                     std::to_string(room >> 20) + " MiB are free where the store is");
  const Staging staging(store);
  Budget budget{contents.bytes};
  for (const std::string& key : contents.results)
    unpack_result(archive, key, staging.result(key), budget);
  std::map<std::string, Artifact> artifacts;
  for (const std::string& digest : contents.artifacts)
    artifacts[digest] = unpack_artifact(archive, digest, staging.artifact(digest), budget);
  archive.expect_end();

  const FileDescriptor lock = store.shared_lock();
  for (const std::string& key : contents.results)
    check_result(store, staging.result(key), artifacts);
  BundleReport report;
  report.artifacts = artifacts.size();
  report.results = contents.results.size();
  report.bytes = contents.bytes;
  report.named = contents.named;
  fsync_tree(staging.folder());
  for (const auto& [digest, artifact] : artifacts) {
    report.fresh_artifacts += !fs::exists(store.artifact_path(digest));
    store.publish(staging.artifact(digest), artifact);
  }
  for (const std::string& key : contents.results) {
    const StageResult result = check_result(store, staging.result(key), artifacts);
    const auto there = store.find_result(result.key);
    if (there && !same_outputs(*there, result)) report.other.push_back(result.key);
    if (there) continue;
    store.write_result(result);
    ++report.fresh_results;
  }
  const auto pins = list_pins(store);
  for (const std::string& digest : contents.named)
    if (!pins.contains(digest)) pin(store, digest, "imported from " + file.filename().string());
  return report;
} catch (const StoreError& e) {
  const std::string what = e.what();
  throw StoreError(what.find(file.string()) == std::string::npos
                       ? "'" + file.string() + "' cannot be imported: " + what
                       : what);
}

}  // namespace lehr::runtime
