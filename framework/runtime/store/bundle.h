// A bundle: artifacts, with the results that made them, as one file to carry to another store.
//
//   NAME.lehr.tar.zst        plain files, in this order, each list sorted
//     bundle.json            {"format": 1, "named": [digest], "results": [key],
//                             "artifacts": [digest], "bytes": of results and artifacts}
//     results/<key>.json     as in the store
//     artifacts/<digest>/    artifact.json, then its files
//
// The first file says what must follow, so a reader refuses everything else as it comes: other
// names, links, sizes. The same content gives the same bytes (with the same zstd).
//
// What a bundle cannot prove is that a key really gives its outputs: whoever made it is trusted as
// far as a plugin is.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "runtime/store/lineage.h"
#include "runtime/store/store.h"

namespace lehr::runtime {

struct BundleReport {
  std::size_t artifacts = 0, results = 0;  // in the bundle
  std::uint64_t bytes = 0;                 // of both
  std::size_t missing = 0;                 // export: artifacts of the lineage that gc has taken
  std::size_t fresh_artifacts = 0, fresh_results = 0;  // import: that were not there
  std::vector<std::string>
      other;  // import: keys for which the store has other outputs, and keeps them
  std::vector<std::string> named;  // digests
};

// Writes `content`, of which `named` was asked for, to `file`. What is not in the store is left
// out, as are results without all their outputs. Throws StoreError if a file is damaged or if
// something named is missing; IoError. Nothing stays after a failure.
BundleReport export_bundle(const ArtifactStore& store, const Lineage::Reached& content,
                           const std::vector<std::string>& named,
                           const std::filesystem::path& file);

// Everything is unpacked beside the artifacts and verified before any of it becomes visible; what
// was named is pinned, so that gc does not take what no run has reached yet. Throws StoreError for
// a bundle that is damaged or hostile, or when there is no room: then nothing has been changed.
BundleReport import_bundle(const ArtifactStore& store, const std::filesystem::path& file);

}  // namespace lehr::runtime
