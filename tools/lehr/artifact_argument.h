// What commands share that name artifacts or runs: -p/--pipeline, and what a name means
// (runtime/report/artifact_name.h).
#pragma once

#include "command.h"
#include "runtime/report/artifact_name.h"

namespace lehr::cli {

inline constexpr const char* kArtifactHelp =
    "stage.port (of the newest run that has it), run:stage.port, a digest or its beginning, or a "
    "folder";

// --store and -p/--pipeline: names mean runs of that pipeline, and its store is the default.
void add_artifact_options(Command command, Options& options);

// The runs in the store that -p leaves, newest first.
std::vector<runtime::RunEntry> chosen_runs(const std::filesystem::path& store,
                                           const Options& options);

// Ends the command with one clear error if the name means none or several.
runtime::NamedArtifact artifact_named(const runtime::ArtifactStore& store, const Options& options,
                                      const std::string& name);

}  // namespace lehr::cli
