// lehr init: a small pipeline to begin with, that runs at once.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <set>

#include "command.h"
#include "runtime/config/pipeline_schema.h"
#include "runtime/config/suggestion.h"
#include "runtime/plan/planner.h"
#include "runtime/store/durable_file.h"
#include "starter.h"
#include "terminal_text.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSchema = "pipeline.schema.json";

// The recipe as a file and what it extends, or the starter.
std::vector<NewFile> files_of(const std::string& recipe) {
  if (recipe.empty()) return starter_files();
  std::vector<std::string> names;
  for (const auto& [name, text] : recipes()) {
    names.push_back(name);
    if (name != recipe) continue;
    std::vector<NewFile> files = {{name + ".yaml", text}};
    for (const auto& [other, below] : recipes())
      if (text.find("\nextends: " + other + ".yaml\n") != std::string::npos)
        files.push_back({other + ".yaml", below});
    return files;
  }
  if (recipe == "english")
    throw CommandError(kUsage,
                       "the recipe 'english' needs a script and 165 MB of texts beside it, which "
                       "come with Lehr's sources: tools/setup --english there, then "
                       "lehr run pipelines/english.yaml");
  throw CommandError(
      kUsage, "there is no recipe '" + recipe + "'." + runtime::suggestion(recipe, names, 20));
}

// Names the plugins that the pipeline uses and that are not found, without which it cannot run; if
// all are there, what else it lacks, as the files of a recipe.
void warn_of_missing(const fs::path& pipeline, const runtime::PluginRegistry& registry,
                     const Options& options) {
  runtime::Diagnostics mistakes;
  std::set<std::string> missing;
  const runtime::Pipeline written = runtime::load_pipeline(pipeline, {}, mistakes);
  for (const auto& stage : written.stages)
    if (!registry.stage(stage.uses)) missing.insert(stage.uses.substr(0, stage.uses.find('.')));
  if (missing.empty()) {
    runtime::make_plan(written, registry, mistakes);
    if (!mistakes.empty())
      std::cerr << "lehr: warning: it cannot run yet:\n" << mistakes.text(use_color(STDERR_FILENO));
    return;
  }
  std::string names;
  for (const std::string& name : missing) names += (names.empty() ? "" : ", ") + name;
  std::cerr << "lehr: warning: it cannot run yet, as these plugins are not found: " << names
            << ". They are looked for in\n";
  const std::vector<fs::path> given(options.plugin_paths.begin(), options.plugin_paths.end());
  for (const fs::path& place :
       runtime::PluginRegistry::search_path(given, fs::absolute(pipeline).parent_path()))
    std::cerr << "  " << place.string() << "\n";
  std::cerr << "Put them into one of these, or name their folder with --plugin-path or "
               "LEHR_PLUGIN_PATH\n";
}

void write(const fs::path& folder, std::vector<NewFile> files, const Options& options) {
  const auto registry = load_plugins(options, fs::current_path() / folder);
  files.front().text =
      std::string("# yaml-language-server: $schema=") + kSchema + "\n" + files.front().text;
  files.push_back({kSchema, json_text(runtime::pipeline_schema(*registry))});
  // The schema of a recipe written here before, and what a recipe extends, may be there already.
  const auto may_stay = [&](const NewFile& file) {
    return file.path == kSchema ||
           (file.path != files.front().path && file.path.ends_with(".yaml"));
  };
  for (const NewFile& file : files)
    if (fs::exists(fs::symlink_status(folder / file.path)) && !may_stay(file))
      throw CommandError(kUsage, (folder / file.path).string() +
                                     " is there already; nothing was written. Name another folder");
  for (const NewFile& file : files) {
    const fs::path path = folder / file.path;
    if (fs::exists(path)) continue;
    runtime::make_folders(fs::absolute(path).parent_path());
    runtime::write_file_atomically(path, file.text);
    std::cout << "wrote " << path.string() << "\n";
  }
  const fs::path pipeline = folder / files.front().path;
  std::string arguments = shell_word(pipeline.string());
  for (const std::string& path : options.plugin_paths)
    arguments += " --plugin-path " + shell_word(path);
  std::cout << "\nnow: lehr plan " << arguments << "\n     lehr run " << arguments << "\n";
  warn_of_missing(pipeline, *registry, options);
}

}  // namespace

void add_init(Command app, Options& options, int&) {
  Command command = app.add(
      "init", "Write a small pipeline that runs at once, with comments and help for the editor");
  auto folder = std::make_shared<std::string>(".");
  auto recipe = std::make_shared<std::string>();
  std::string names;
  for (const auto& [name, text] : recipes()) names += (names.empty() ? "" : ", ") + name;
  command.option("FOLDER", *folder, "Where to; made if it is not there")
      .show_default()
      .type_name("FOLDER");
  command.option("--recipe", *recipe, "A recipe in place of the starter: " + names)
      .type_name("NAME");
  add_plugin_path_option(command, options);
  command.footer(example("lehr init mine && lehr run mine/pipeline.yaml"));
  command.run([&options, folder, recipe] {
    fs::path place(*folder);
    if (place == ".") place.clear();
    write(place, files_of(*recipe), options);
  });
}

}  // namespace lehr::cli
