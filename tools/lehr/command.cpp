#include "command.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "plan_memory.h"
#include "runtime/plan/allow_list.h"
#include "runtime/plan/planner.h"

namespace lehr::cli {

namespace fs = std::filesystem;

void add_store_option(Command command, Options& options) {
  command
      .option("--store", options.store,
              "Folder of the store (default: LEHR_STORE, else .lehr beside the pipeline)")
      .type_name("FOLDER");
}

void add_store_of_options(Command command, Options& options) {
  command.option("-p,--pipeline", options.pipeline, "In the store of this pipeline")
      .type_name("FILE");
  add_store_option(command, options);
}

void add_plugin_path_option(Command command, Options& options) {
  command
      .option("--plugin-path", options.plugin_paths,
              "Look for plugins here first (may be repeated)")
      .type_name("FOLDER")
      .one_value_each();
}

void add_json_option(Command command, Options& options, const std::string& what) {
  command.flag("--json", options.json, what);
  command
      .option(
          "--format", [&options](const std::string& format) { options.json = format == "json"; },
          "json is the same as --json")
      .one_of({"text", "json"})
      .type_name("FORMAT");
}

void add_pipeline_options(Command command, Options& options) {
  command.option("PIPELINE", options.pipeline, "Pipeline file").required().type_name("FILE");
  command
      .option("--set", options.sets,
              "Override a value, as in stages.dpo.with.beta=0.2 (may be repeated)")
      .type_name("PATH=VALUE")
      .one_value_each();
  add_store_option(command, options);
  add_plugin_path_option(command, options);
  command
      .option("--allow", options.allow,
              "Refuse plugins whose code this list has no digest of: a lehr.lock, or lines of "
              "DIGEST and a note")
      .type_name("FILE");
}

void add_selection_options(Command command, Options& options) {
  runtime::Selection& selection = options.selection;
  const auto stages = [&](const char* name, std::vector<std::string>& names, const char* help) {
    return command.option(name, names, help).type_name("STAGE").group("Which stages");
  };
  stages("--only", selection.only, "These and no others");
  stages("--from", selection.from, "These and all that needs them");
  stages("--until", selection.until, "These and all that they need");
  stages("--force", selection.force, "Run these (default: all) although they are cached")
      .expected(0, -1);
}

fs::path store_folder(const Options& options) {
  if (!options.store.empty()) return fs::absolute(options.store).lexically_normal();
  if (const char* store = std::getenv("LEHR_STORE"); store && *store)
    return fs::absolute(store).lexically_normal();
  return fs::absolute(fs::path(options.pipeline).parent_path() / ".lehr").lexically_normal();
}

fs::path existing_store(const Options& options) {
  fs::path folder = store_folder(options);
  if (!fs::is_directory(folder))
    throw CommandError(kUsage, "there is no store at '" + folder.string() +
                                   "'. Name one with --store or LEHR_STORE");
  return folder;
}

runtime::ArtifactStore open_store(const Options& options) {
  return runtime::ArtifactStore(existing_store(options));
}

std::unique_ptr<runtime::ArtifactStore> store_if_there(const Options& options) {
  const fs::path folder = store_folder(options);
  return fs::is_directory(folder) ? std::make_unique<runtime::ArtifactStore>(folder) : nullptr;
}

std::unique_ptr<runtime::PluginRegistry> load_plugins(const Options& options,
                                                      const fs::path& folder) {
  std::vector<fs::path> given;
  for (const std::string& path : options.plugin_paths) {
    if (!fs::is_directory(path))
      throw CommandError(kUsage, "--plugin-path " + path + ": there is no such folder");
    given.push_back(fs::absolute(path));
  }
  return std::make_unique<runtime::PluginRegistry>(
      runtime::PluginRegistry::search_path(given, folder));
}

namespace {

// True: all plugins of the plan may be loaded.
bool admit_plugins(const runtime::Plan& plan, const Options& options,
                   runtime::Diagnostics& diagnostics) try {
  return options.allow.empty() ||
         runtime::admit_plugins(plan, runtime::AllowList::read(options.allow), diagnostics);
} catch (const runtime::AllowListError& e) {
  throw CommandError(kUsage, std::string("--allow: ") + e.what());
}

// For a pipeline file so long that it pays.
void reserve_memory(const fs::path& pipeline) {
  constexpr std::uintmax_t kLongFile = 16 << 10, kMostMemory = 256 << 20;
  constexpr std::uintmax_t kMemory = 256;  // a byte of the file becomes so many in plan and tree
  std::error_code none;
  const std::uintmax_t size = fs::file_size(pipeline, none);
  if (none || size < kLongFile) return;
  reserve_plan_memory(std::min(size * kMemory, kMostMemory));
}

}  // namespace

LoadedPipeline* load_pipeline(const Options& options, int& exit_code) {
  reserve_memory(options.pipeline);
  static LoadedPipeline& loaded = *new LoadedPipeline;
  runtime::Diagnostics diagnostics;
  loaded.pipeline = runtime::load_pipeline(options.pipeline, options.sets, diagnostics);
  loaded.registry = load_plugins(options, fs::absolute(options.pipeline).parent_path());
  loaded.plan = runtime::make_plan(loaded.pipeline, *loaded.registry, diagnostics);

  const bool admitted = admit_plugins(loaded.plan, options, diagnostics);

  const auto mistakes = diagnostics.sorted();
  bool broken_one_used = false;
  for (const auto& broken : loaded.registry->broken()) {
    if (std::any_of(mistakes.begin(), mistakes.end(), [&](const runtime::Diagnostic& mistake) {
          return mistake.message.find(broken.reason) != std::string::npos;
        }))
      broken_one_used = true;
    else if (!options.json)
      std::cerr << "lehr: warning: plugin not usable: " << broken.reason << "\n";
  }
  if (diagnostics.empty()) {
    runtime::Selection selection = options.selection;
    selection.force_all = std::erase(selection.force, "") > 0;  // --force without names
    runtime::select(loaded.plan, selection);
    return &loaded;
  }
  print_mistakes(diagnostics, options);
  exit_code = broken_one_used || !admitted ? kPluginCannotLoad : kConfigInvalid;
  return nullptr;
}

fs::path host_program() {
  const fs::path host = fs::read_symlink("/proc/self/exe").parent_path() / "lehr-host";
  if (!fs::exists(host))
    throw CommandError(kUsage, "'" + host.string() + "' is missing; it is installed beside lehr");
  return host;
}

void print_mistakes(const runtime::Diagnostics& diagnostics, const Options& options) {
  if (options.json)
    std::cout << json_text(diagnostics.json());
  else
    std::cerr << diagnostics.text(use_color(STDERR_FILENO));
}

bool ask_plugins(runtime::Plan& plan, runtime::Advice wanted, const runtime::ArtifactStore* store,
                 const Options& options, int& exit_code) {
  runtime::Diagnostics diagnostics;
  const bool broken = runtime::take_advice(plan, wanted, store, host_program(), diagnostics);
  if (diagnostics.empty()) return true;
  print_mistakes(diagnostics, options);
  exit_code = broken ? kPluginCannotLoad : kConfigInvalid;
  return false;
}

std::unique_ptr<runtime::Display> display_for(const Options& options) {
  if (options.json) return runtime::json_display(STDOUT_FILENO);
  if (obeys_controls(STDOUT_FILENO))
    return runtime::terminal_display(STDOUT_FILENO, use_color(STDOUT_FILENO));
  return runtime::plain_display(STDOUT_FILENO);
}

std::string json_text(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

bool obeys_controls(int fd) {
  const char* kind = std::getenv("TERM");
  return isatty(fd) == 1 && (!kind || std::string_view(kind) != "dumb");
}

bool use_color(int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  return (!no_color || !*no_color) && obeys_controls(fd);
}

std::string example(const std::string& commands) { return "\nExample:\n  " + commands; }

}  // namespace lehr::cli
