// How two folders of artifacts differ: which file, and from which byte on.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/store/artifact.h"

namespace lehr::runtime {

// A line for each file that differs, is gone or new, and for the type and facets; empty: the same.
// "'train.bin' differs from byte 512 on (1204 bytes, before 1204)". Reads files only where their
// digests differ, in pieces. Throws IoError.
std::vector<std::string> differences(const Artifact& before,
                                     const std::filesystem::path& before_folder,
                                     const Artifact& now, const std::filesystem::path& now_folder);

}  // namespace lehr::runtime
