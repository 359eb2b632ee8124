// What is remembered of files outside the store, so that large inputs and plugins are hashed once;
// plan/input_content.h writes and believes it.
//
//   cache/input-digests.json    {"files": [["<identity>", "<digest>"], ...], "checksum": ...}
//   identity: "<what the digest is of>\n<path>\n<bytes>\n<modified> <changed> \n<inode>"
//
// A file that changes gets an entry more each time, and the entry of one that is gone is never
// asked for again: gc takes both out, so that there is one left for each file, and what is read at
// every start is not what has gathered over years.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "runtime/store/store.h"

namespace lehr::runtime {

// info: of the file as it is now.
std::string input_identity(std::string_view kind, const std::filesystem::path& path,
                           const struct stat& info);

// Takes out what is about a file that is gone or has changed, and all of it if it cannot be read. A
// run that has it in memory may write it back; the next gc takes it then. Failure is no error.
void forget_changed_inputs(const ArtifactStore& store);

}  // namespace lehr::runtime
