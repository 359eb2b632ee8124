#include "artifact_argument.h"

#include "runtime/config/suggestion.h"

namespace lehr::cli {

void add_artifact_options(Command command, Options& options) {
  command
      .option("-p,--pipeline", options.pipeline,
              "Look at runs of this pipeline only (default: of all), and in its store")
      .type_name("FILE");
  add_store_option(command, options);
}

std::vector<runtime::RunEntry> chosen_runs(const std::filesystem::path& store,
                                           const Options& options) {
  auto runs = runtime::list_runs(store);
  if (options.pipeline.empty()) return runs;
  runtime::Diagnostics ignored;  // it may have been changed since it was run
  const std::string name = runtime::load_pipeline(options.pipeline, {}, ignored).name;
  std::erase_if(runs, [&](const runtime::RunEntry& run) { return run.pipeline != name; });
  return runs;
}

runtime::NamedArtifact artifact_named(const runtime::ArtifactStore& store, const Options& options,
                                      const std::string& name) try {
  std::string pipeline;
  if (!options.pipeline.empty()) {
    runtime::Diagnostics diagnostics;
    pipeline = runtime::load_pipeline(options.pipeline, {}, diagnostics).name;
    if (!diagnostics.empty())
      throw CommandError(kConfigInvalid,
                         "'" + options.pipeline + "' has mistakes; `lehr validate` shows them");
  }
  return runtime::find_artifact(store, name, pipeline);
} catch (const runtime::NameError& e) {
  throw CommandError(kUsage, e.what() + runtime::suggestion(name, e.known));
}

}  // namespace lehr::cli
