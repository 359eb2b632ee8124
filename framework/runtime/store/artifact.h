// An artifact: an immutable folder with artifact.json beside ordinary files. Its identity is the
// SHA-256 over type, facets and files, so equal content has one identity wherever and however it
// was made.
//
//   artifact.json  {"format": 1, "type": "tokens", "facets": {"tokenizer": "<digest>"},
//                   "files": [{"name": "train-00000.bin", "size": 12, "sha256": "..."}]}
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::runtime {

// Something in the store is not what it should be; the message names the file and says what to do.
struct StoreError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct ArtifactFile {
  std::string name;  // relative, '/' between folders
  std::uint64_t size = 0;
  std::string sha256;
};

using Facets = std::map<std::string, std::string>;

struct Artifact {
  std::string type;
  Facets facets;
  std::vector<ArtifactFile> files;  // sorted by name

  std::string digest() const;  // 64 hex digits
  std::uint64_t bytes() const;
  nlohmann::ordered_json to_json() const;
  // Of what to_json() gives, as text. Throws StoreError: not JSON, unknown format, missing members,
  // names that leave the folder.
  static Artifact parse(std::string_view json);
};

inline constexpr const char* kArtifactFile = "artifact.json";

// Describes what a folder holds, hashing files with up to `threads` threads. artifact.json itself
// is left out. Throws StoreError for links and other things that are not plain files; IoError.
Artifact describe_folder(const std::filesystem::path& folder, std::string type, Facets facets,
                         unsigned threads);

// Reads folder/artifact.json. Throws IoError, StoreError.
Artifact read_artifact(const std::filesystem::path& folder);

// Why the folder does not hold what `artifact` says, or empty. With `content`, every byte is
// hashed; without, only existence and sizes are looked at.
std::string damage(const std::filesystem::path& folder, const Artifact& artifact, bool content,
                   unsigned threads = 1);

}  // namespace lehr::runtime
