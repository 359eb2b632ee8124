// Pins: artifacts that gc keeps whatever runs there were, with all they were made from.
//
//   pins/<digest>.json   {"format": 1, "digest", "reason", "unix_time", "checksum"}
//
// The file's name alone keeps the artifact: a damaged pin still holds, only its reason is lost.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "runtime/store/store.h"

namespace lehr::runtime {

struct Pin {
  std::string reason;
  std::int64_t unix_time = 0;  // 0: the file is damaged
};

// By digest.
std::map<std::string, Pin> list_pins(const ArtifactStore& store);
// Pinning again replaces the reason. Throws StoreError if there is no such artifact; IoError.
void pin(const ArtifactStore& store, const std::string& digest, const std::string& reason);
// False: it was not pinned.
bool unpin(const ArtifactStore& store, const std::string& digest);

}  // namespace lehr::runtime
