#include "runtime/store/artifact.h"

#include <algorithm>
#include <cerrno>
#include <set>

#include "runtime/store/durable_file.h"
#include "runtime/store/file_hashes.h"
#include "runtime/store/json_member.h"
#include "runtime/store/json_text.h"
#include "runtime/store/sha256.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

void collect(const fs::path& folder, const std::string& prefix, std::vector<ArtifactFile>& files) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = prefix + entry.path().filename().string();
    if (name == kArtifactFile) continue;
    if (!is_utf8(name))
      throw StoreError("the name of '" + entry.path().string() +
                       "' is not UTF-8, as that of a file in an artifact has to be");
    const auto type = entry.symlink_status().type();
    if (type == fs::file_type::directory)
      collect(entry.path(), name + "/", files);
    else if (type == fs::file_type::regular)
      files.push_back({name, 0, ""});
    else
      throw StoreError("'" + entry.path().string() +
                       "' is not a plain file; an artifact holds plain files only");
  }
}

std::vector<fs::path> paths_in(const fs::path& folder, const std::vector<ArtifactFile>& files) {
  std::vector<fs::path> out;
  for (const ArtifactFile& file : files) out.push_back(folder / file.name);
  return out;
}

bool safe_name(const std::string& name) {
  if (name.empty() || name.front() == '/' || name.find('\0') != std::string::npos) return false;
  const fs::path path(name);
  return std::none_of(path.begin(), path.end(),
                      [](const fs::path& part) { return part == ".." || part == "."; });
}

}  // namespace

std::string Artifact::digest() const {
  std::string text = "lehr artifact 1\n{\"facets\":{";  // JSON without white space, keys sorted
  for (const auto& [name, value] : facets) append_member(text, name, value);
  text += "},\"files\":[";
  for (const ArtifactFile& file : files) {
    append_json(text += text.ends_with('[') ? "[" : ",[", file.name);
    text += "," + std::to_string(file.size) + ",";
    append_json(text, file.sha256);
    text += "]";
  }
  append_json(text += "],\"type\":", type);
  return sha256_hex(text += '}');
}

std::uint64_t Artifact::bytes() const {
  std::uint64_t total = 0;
  for (const auto& file : files) total += file.size;
  return total;
}

nlohmann::ordered_json Artifact::to_json() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& file : files)
    list.push_back({{"name", file.name}, {"size", file.size}, {"sha256", file.sha256}});
  return {{"format", 1}, {"type", type}, {"facets", facets}, {"files", list}};
}

Artifact Artifact::parse(std::string_view json) {
  const JsonObject object = parse_object(json);
  if (const auto format = member<std::int64_t>(object, "format"); format != 1)
    throw StoreError("format " + std::to_string(format) + " is newer than this Lehr knows");
  Artifact out;
  out.type = member<std::string_view>(object, "type");
  const auto given = member<JsonObject>(object, "facets");
  for (const auto [name, element] : given)
    out.facets[std::string(name)] = value<std::string_view>(element, "facets");
  for (const auto element : member<JsonArray>(object, "files")) {
    const auto file = value<JsonObject>(element, "files");
    out.files.push_back({std::string(member<std::string_view>(file, "name")),
                         member<std::uint64_t>(file, "size"),
                         std::string(member<std::string_view>(file, "sha256"))});
    if (!safe_name(out.files.back().name))
      throw StoreError("file name '" + out.files.back().name + "' is not allowed");
  }
  return out;
}

Artifact describe_folder(const fs::path& folder, std::string type, Facets facets,
                         unsigned threads) {
  Artifact out{std::move(type), std::move(facets), {}};
  collect(folder, "", out.files);
  std::sort(out.files.begin(), out.files.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  const std::vector<FileHash> hashes = hash_files(paths_in(folder, out.files), threads);
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    out.files[i].sha256 = hashes[i].sha256;
    out.files[i].size = hashes[i].bytes;
  }
  return out;
}

Artifact read_artifact(const fs::path& folder) {
  const fs::path path = folder / kArtifactFile;
  try {
    return Artifact::parse(read_file(path, std::size_t{1} << 28));
  } catch (const StoreError& e) {
    throw StoreError("'" + path.string() + "' is damaged: " + e.what());
  }
}

std::string damage(const fs::path& folder, const Artifact& artifact, bool content,
                   unsigned threads) {
  for (const auto& file : artifact.files) {
    std::error_code error;
    const auto size = fs::file_size(folder / file.name, error);
    if (error.value() == ENOENT || error.value() == ENOTDIR)
      return "'" + (folder / file.name).string() + "' is missing";
    if (error) throw IoError("cannot look at", folder / file.name, error.value());
    if (size != file.size)
      return "'" + (folder / file.name).string() + "' has " + std::to_string(size) +
             " bytes, not " + std::to_string(file.size);
  }
  if (!content) return "";
  std::set<std::string> names;
  for (const auto& file : artifact.files) names.insert(file.name);
  std::vector<ArtifactFile> present;  // whoever reads the folder would take a stranger's file too
  collect(folder, "", present);
  for (const auto& file : present)
    if (!names.contains(file.name))
      return "'" + (folder / file.name).string() + "' does not belong to it";
  const std::vector<FileHash> hashes = hash_files(paths_in(folder, artifact.files), threads);
  for (std::size_t i = 0; i < hashes.size(); ++i)
    if (hashes[i].sha256 != artifact.files[i].sha256)
      return "the content of '" + (folder / artifact.files[i].name).string() + "' has changed";
  return "";
}

}  // namespace lehr::runtime
