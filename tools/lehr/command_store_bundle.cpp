// lehr store export, import: artifacts and the results that made them, as one file.
#include "artifact_argument.h"
#include "command_store.h"
#include "companion.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;

struct ExportSettings {
  std::vector<std::string> names;
  std::string file;
  bool alone = false;
};

void write_bundle(const Options& options, const ExportSettings& settings) {
  const auto store = open_store(options);
  if (!fs::is_directory(fs::absolute(settings.file).parent_path()))
    throw CommandError(kUsage, "--output " + settings.file + ": there is no such folder");
  // By another name it would stand in the place of a device or a folder.
  if (const fs::file_status there = fs::status(settings.file);
      fs::exists(there) && !fs::is_regular_file(there))
    throw CommandError(kUsage, "--output " + settings.file + ": that is no file to write over");
  std::vector<std::string> arguments = {"export", store.root().string(), settings.file,
                                        settings.alone ? "alone" : "all"};
  for (const std::string& name : settings.names)
    arguments.push_back(artifact_named(store, options, name).digest);
  become("lehr-bundle", std::move(arguments));
}

void read_bundle(const Options& options, const std::string& file) {
  if (fs::is_directory(file))
    throw CommandError(kUsage, "'" + file +
                                   "' is a folder; a bundle is one file, as `lehr store export` "
                                   "writes it");
  if (!fs::is_regular_file(file)) throw CommandError(kUsage, "there is no file '" + file + "'");
  become("lehr-bundle", {"import", store_folder(options).string(), file});
}

}  // namespace

void add_store_bundles(Command store, Options& options) {
  auto settings = std::make_shared<ExportSettings>();
  Command out = store.add(
      "export", "Write artifacts, and the results and artifacts they stand on, to one file");
  out.option("NAME", settings->names, kArtifactHelp).required();
  out.option("-o,--output", settings->file, "The bundle, by custom *.lehr.tar.zst")
      .required()
      .type_name("FILE");
  out.flag("--alone", settings->alone,
           "Only these and the results that made them, not what they were made from");
  add_artifact_options(out, options);
  out.footer(
      example(
          "lehr store export exam dpo.model -p pipelines/quickstart.yaml -o mine.lehr.tar.zst") +
      "\n\nA tar archive compressed by zstd; the same content gives the same bytes.");
  out.run([&options, settings] { write_bundle(options, *settings); });

  auto file = std::make_shared<std::string>();
  Command in = store.add(
      "import", "Take a bundle into the store, verified; a run of its pipeline then finds it");
  in.option("BUNDLE", *file, "File that `lehr store export` wrote").required().type_name("FILE");
  add_artifact_options(in, options);
  in.footer(example("lehr store import mine.lehr.tar.zst -p pipelines/quickstart.yaml") +
            "\n\nEvery byte is checked against its digest before anything becomes visible. That a "
            "result belongs to\nits key cannot be checked so: import from those whose plugins you "
            "would run. What was exported by\nname is pinned.");
  in.run([&options, file] { read_bundle(options, *file); });
}

}  // namespace lehr::cli
