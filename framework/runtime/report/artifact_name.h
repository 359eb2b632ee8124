// What a person calls an artifact on the command line:
//
//   base.model          an output of a stage, in the newest run that has it
//   base                the same, where the stage has one output
//   RUN:base.model      in that run, named as everywhere (run_record.h): last~1, part of its name
//   3f2a9c41            a digest or at least four digits of its beginning
//   outputs/final       a folder: an artifact of this store, or a link to one
//
// A stage's name goes before a digest that begins alike.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "runtime/report/run_record.h"
#include "runtime/store/store.h"

namespace lehr::runtime {

// No artifact is called so, or several are. `known`: names it could have been, for a suggestion.
struct NameError : StoreError {
  explicit NameError(const std::string& what, std::vector<std::string> known = {})
      : StoreError(what), known(std::move(known)) {}
  std::vector<std::string> known;
};

struct NamedArtifact {
  std::string digest;
  std::string run, stage_id, port;  // empty where it was named by digest or path
};

// pipeline: only runs of the pipeline of this name count; empty: all. The artifact is there, its
// content is not read. Throws NameError, IoError.
NamedArtifact find_artifact(const ArtifactStore& store, const std::string& name,
                            const std::string& pipeline = "");

// The stages a run has come through, with their keys, in that order: from its events.
std::vector<std::pair<std::string, std::string>> stages_of_run(const RunEntry& run);

}  // namespace lehr::runtime
