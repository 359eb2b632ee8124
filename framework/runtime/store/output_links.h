// Links into the store that a run has handed out (`outputs: {final: {from: dpo, mode: link}}`):
// what they lead to stays, with all it was made from, for as long as they are there.
//
//   links/<SHA-256 of the target>   a symbolic link to such a link, relative, so that a folder that
//                                   holds both can be moved
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "runtime/store/store.h"

namespace lehr::runtime {

// Remembers the link. Between this call and the making of the link hold store.shared_lock(), else
// gc may find that there is none and forget it. Durable. Throws IoError.
void remember_output_link(const ArtifactStore& store, const std::filesystem::path& link);

// Artifact -> a link that leads to it.
std::map<std::string, std::filesystem::path> list_output_links(const ArtifactStore& store);

// Forgets those that lead to no artifact of the store any more. Under gc's lock.
void forget_lost_output_links(const ArtifactStore& store);

}  // namespace lehr::runtime
