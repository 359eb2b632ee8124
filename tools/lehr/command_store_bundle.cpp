// lehr store export, import: artifacts and the results that made them, as one file.
#include <algorithm>
#include <iostream>

#include "artifact_argument.h"
#include "command_store.h"
#include "runtime/run/human_text.h"
#include "runtime/store/bundle.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;
using runtime::Lineage;

std::string counted(std::size_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

struct ExportSettings {
  std::vector<std::string> names;
  std::string file;
  bool alone = false;
};

// Without what they were made from: the artifacts, and the results that made them.
Lineage::Reached only_these(const Lineage& lineage, const std::vector<std::string>& digests) {
  Lineage::Reached out;
  for (const std::string& digest : digests) {
    out.digests.insert(digest);
    for (const auto* maker : lineage.makers(digest)) {
      out.keys.insert(maker->key);
      for (const auto& [port, output] : maker->outputs) out.digests.insert(output.digest);
    }
  }
  return out;
}

void write_bundle(const Options& options, const ExportSettings& settings) {
  const auto store = open_store(options);
  std::vector<std::string> digests;
  for (const std::string& name : settings.names)
    digests.push_back(artifact_named(store, options, name).digest);
  if (!fs::is_directory(fs::absolute(settings.file).parent_path()))
    throw CommandError(kUsage, "--output " + settings.file + ": there is no such folder");
  const Lineage lineage(store.results());
  const auto report = runtime::export_bundle(
      store, settings.alone ? only_these(lineage, digests) : lineage.above(digests), digests,
      settings.file);
  std::cout << settings.file << ": " << counted(report.artifacts, "artifact") << ", "
            << counted(report.results, "result") << ", " << runtime::bytes_text(report.bytes)
            << " (" << runtime::bytes_text(fs::file_size(settings.file)) << " compressed)\n";
  if (report.missing > 0)
    std::cout << counted(report.missing, "artifact")
              << " they were made from are no longer in the store, and left out\n";
}

void read_bundle(const Options& options, const std::string& file) {
  if (!fs::is_regular_file(file)) throw CommandError(kUsage, "there is no file '" + file + "'");
  const runtime::ArtifactStore store(store_folder(options));
  const auto report = runtime::import_bundle(store, file);
  std::cout << counted(report.artifacts, "artifact") << " (" << report.fresh_artifacts << " new), "
            << counted(report.results, "result") << " (" << report.fresh_results << " new), "
            << runtime::bytes_text(report.bytes) << " into " << store.root().string() << "\n";
  for (const std::string& digest : report.named)
    std::cout << "pinned " << store.artifact(digest).type << " " << digest.substr(0, 12) << "\n";
  for (const std::string& key : report.other)
    std::cout << "kept the store's own result of stage '" << store.find_result(key)->stage_id
              << "' (key " << key.substr(0, 12) << "): the bundle has other outputs for it\n";
}

}  // namespace

void add_store_bundles(CLI::App& store, Options& options) {
  auto settings = std::make_shared<ExportSettings>();
  CLI::App* out = store.add_subcommand(
      "export", "Write artifacts, and the results and artifacts they stand on, to one file");
  out->add_option("NAME", settings->names, kArtifactHelp)->required();
  out->add_option("-o,--output", settings->file, "The bundle, by custom *.lehr.tar.zst")
      ->required()
      ->type_name("FILE");
  out->add_flag("--alone", settings->alone,
                "Only these and the results that made them, not what they were made from");
  add_artifact_options(*out, options);
  out->footer(
      example(
          "lehr store export exam dpo.model -p pipelines/quickstart.yaml -o mine.lehr.tar.zst") +
      "\n\nA tar archive compressed by zstd; the same content gives the same bytes.");
  out->callback([&options, settings] { write_bundle(options, *settings); });

  auto file = std::make_shared<std::string>();
  CLI::App* in = store.add_subcommand(
      "import", "Take a bundle into the store, verified; a run of its pipeline then finds it");
  in->add_option("BUNDLE", *file, "File that `lehr store export` wrote")
      ->required()
      ->type_name("FILE");
  add_artifact_options(*in, options);
  in->footer(example("lehr store import mine.lehr.tar.zst -p pipelines/quickstart.yaml") +
             "\n\nEvery byte is checked against its digest before anything becomes visible. That a "
             "result belongs to\nits key cannot be checked so: import from those whose plugins you "
             "would run. What was exported by\nname is pinned.");
  in->callback([&options, file] { read_bundle(options, *file); });
}

}  // namespace lehr::cli
