#include "runtime/store/artifact_comparison.h"

#include <algorithm>
#include <fstream>
#include <map>

#include "runtime/store/durable_file.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

// The first position at which two files differ; the shorter one's end if it is the other's
// beginning.
std::uint64_t first_difference(const fs::path& a, const fs::path& b) {
  std::ifstream one(a, std::ios::binary), other(b, std::ios::binary);
  if (!one) throw IoError("cannot open", a, errno);
  if (!other) throw IoError("cannot open", b, errno);
  std::vector<char> x(1 << 18), y(x.size());
  for (std::uint64_t at = 0;;) {
    one.read(x.data(), static_cast<std::streamsize>(x.size()));
    other.read(y.data(), static_cast<std::streamsize>(y.size()));
    const auto shorter = std::min(one.gcount(), other.gcount());
    const auto differs = std::mismatch(x.begin(), x.begin() + shorter, y.begin()).first - x.begin();
    at += static_cast<std::uint64_t>(differs);
    if (differs < shorter || one.gcount() != other.gcount() || shorter == 0) return at;
  }
}

std::string quoted(const std::string& name) { return "'" + name + "'"; }

}  // namespace

std::vector<std::string> differences(const Artifact& before, const fs::path& before_folder,
                                     const Artifact& now, const fs::path& now_folder) {
  std::vector<std::string> out;
  if (before.type != now.type) out.push_back("type is " + now.type + ", before " + before.type);
  Facets facets = before.facets;
  facets.insert(now.facets.begin(), now.facets.end());
  for (const auto& [facet, value] : facets) {
    const auto a = before.facets.find(facet), b = now.facets.find(facet);
    const std::string was = a == before.facets.end() ? "(none)" : a->second,
                      is = b == now.facets.end() ? "(none)" : b->second;
    if (was != is) out.push_back("facet " + quoted(facet) + " is " + is + ", before " + was);
  }
  std::map<std::string, std::pair<const ArtifactFile*, const ArtifactFile*>> files;
  for (const ArtifactFile& file : before.files) files[file.name].first = &file;
  for (const ArtifactFile& file : now.files) files[file.name].second = &file;
  for (const auto& [name, pair] : files) {
    const auto [was, is] = pair;
    if (was == nullptr || is == nullptr) {
      out.push_back(quoted(name) + (is == nullptr ? " is gone" : " is new"));
    } else if (was->sha256 != is->sha256) {
      out.push_back(quoted(name) + " differs from byte " +
                    std::to_string(first_difference(before_folder / name, now_folder / name)) +
                    " on (" + std::to_string(is->size) + " bytes, before " +
                    std::to_string(was->size) + ")");
    }
  }
  return out;
}

}  // namespace lehr::runtime
