// What the commands of `lehr` share: their options, how a pipeline is loaded, where the store is,
// and exit codes. Each command is one file, command_<name>.cpp, with one function that adds it to
// the program.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command_line.h"
#include "runtime/config/pipeline.h"
#include "runtime/plan/plan.h"
#include "runtime/plan/selection.h"
#include "runtime/plugin/plugin_registry.h"
#include "runtime/run/display.h"
#include "runtime/run/plugin_advice.h"
#include "runtime/store/store.h"

namespace lehr::cli {

enum ExitCode {
  kOk = 0,
  kStageFailed = 1,
  kUsage = 2,
  kConfigInvalid = 3,
  kPluginCannotLoad = 4,
  kGateFailed = 5,
  kResumable = 75,
};

// Throw this to end a command: what() is printed as "lehr: ...".
struct CommandError : std::runtime_error {
  CommandError(int code, const std::string& message) : std::runtime_error(message), code(code) {}
  int code;
};

struct Options {
  std::string store;  // --store; empty: see store_folder
  std::vector<std::string> plugin_paths;
  std::vector<std::string> sets;
  std::string allow;  // --allow; empty: every plugin
  bool json = false;
  bool locked = false;
  runtime::Selection selection;
  std::string pipeline;  // the positional argument of commands that take one
};

// Options that several commands take, each with its help text.
void add_store_option(Command command, Options& options);
// The same, and -p PIPELINE, whose store it is then.
void add_store_of_options(Command command, Options& options);
void add_plugin_path_option(Command command, Options& options);
void add_json_option(Command command, Options& options, const std::string& what);
// PIPELINE, --set, --store, --plugin-path, --allow
void add_pipeline_options(Command command, Options& options);
// --only, --from, --until, --force
void add_selection_options(Command command, Options& options);

// --store, else LEHR_STORE, else .lehr beside the pipeline file (no pipeline: in the current
// folder). Absolute.
std::filesystem::path store_folder(const Options& options);
// The same for commands that only look: throws CommandError if it is not there.
std::filesystem::path existing_store(const Options& options);

runtime::ArtifactStore open_store(const Options& options);
// The store; null if there is none yet.
std::unique_ptr<runtime::ArtifactStore> store_if_there(const Options& options);

struct LoadedPipeline {
  runtime::Pipeline pipeline;
  std::unique_ptr<runtime::PluginRegistry> registry;  // outlives the plan
  runtime::Plan plan;  // checked, ordered, selected; not yet looked up in the store
};

// Loads options.pipeline with its plugins and plans it. Mistakes are printed (stderr; with --json
// as JSON on stdout) and give null and the exit code. What is given lives as long as the process,
// whose end is quicker than taking a thousand stages apart.
LoadedPipeline* load_pipeline(const Options& options, int& exit_code);

// Plugins for commands without a pipeline. `folder`: whose plugins/ is looked into as well.
std::unique_ptr<runtime::PluginRegistry> load_plugins(const Options& options,
                                                      const std::filesystem::path& folder);

// lehr-host, which stands beside lehr. Throws CommandError if it is missing.
std::filesystem::path host_program();

// What a run is shown on: JSON lines with --json, a live terminal, or plain lines.
std::unique_ptr<runtime::Display> display_for(const Options& options);

// What `lehr plan` prints.
void print_plan(const Options& options, int& exit_code);

// Prints `diagnostics` as load_pipeline does.
void print_mistakes(const runtime::Diagnostics& diagnostics, const Options& options);

// Asks the plugins of a plan that was looked up about their parameters (plugin_advice.h). False:
// there are mistakes, which were printed, and the exit code is set.
bool ask_plugins(runtime::Plan& plan, runtime::Advice wanted, const runtime::ArtifactStore* store,
                 const Options& options, int& exit_code);

// JSON as --json prints it: indented, with an end of line. What is not UTF-8, as a path may be, is
// replaced.
std::string json_text(const nlohmann::ordered_json& json);

// `fd` (1 or 2) is a terminal, and one that moves its cursor when told (TERM is not dumb).
bool obeys_controls(int fd);

// ANSI colours on `fd`: such a terminal, and NO_COLOR is not set.
bool use_color(int fd);

// One line in the footer of a command's help.
std::string example(const std::string& commands);

// Each adds a command whose exit code is written to `exit_code`.
void add_run(Command app, Options& options, int& exit_code);       // command_run.cpp
void add_plan(Command app, Options& options, int& exit_code);      // command_plan.cpp
void add_validate(Command app, Options& options, int& exit_code);  // command_validate.cpp
void add_explain(Command app, Options& options, int& exit_code);   // command_explain.cpp
void add_plugins(Command app, Options& options, int& exit_code);   // command_plugins.cpp
void add_lock(Command app, Options& options, int& exit_code);      // command_lock.cpp
void add_verify(Command app, Options& options, int& exit_code);    // command_verify.cpp
void add_schema(Command app, Options& options, int& exit_code);    // command_schema.cpp
void add_store(Command app, Options& options, int& exit_code);     // command_store.cpp
void add_data(Command app, Options& options);                      // command_data.cpp
void add_runs(Command app, Options& options, int& exit_code);      // command_runs.cpp
void add_graph(Command app, Options& options, int& exit_code);     // command_graph.cpp
void add_logs(Command app, Options& options, int& exit_code);      // command_logs.cpp
void add_compare(Command app, Options& options, int& exit_code);   // command_compare.cpp
void add_init(Command app, Options& options, int& exit_code);      // command_init.cpp
void add_doctor(Command app, Options& options, int& exit_code);    // command_doctor.cpp
void add_selftest(Command app, Options& options);                  // command_selftest.cpp
void add_completion(Command app);                                  // command_completion.cpp

}  // namespace lehr::cli
