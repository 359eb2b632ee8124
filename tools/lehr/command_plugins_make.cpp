// lehr plugins new, stamp, test: what a plugin author needs. Plugin code runs in lehr-host only.
#include <unistd.h>

#include <cstring>
#include <iostream>

#include "command.h"
#include "command_plugins.h"
#include "conformance/dialogue.h"
#include "conformance/kit.h"
#include "plugin_template.h"
#include "runtime/store/durable_file.h"
#include "terminal_text.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;

// ---- new ----

// share/lehr/template beside bin/.
fs::path template_folder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().parent_path() /
         "share/lehr/template";
}

int make_new(const Options& options, const std::string& name, const std::string& in) {
  if (const std::string problem = plugin_name_problem(name); !problem.empty())
    throw CommandError(kUsage, problem);
  const auto registry = load_plugins(options, fs::current_path());
  const auto known = registry->plugins().find(name);
  if (known != registry->plugins().end())
    throw CommandError(kUsage, "there is a plugin '" + name + "' already (" +
                                   known->second.path.string() +
                                   "); of two with one name only the first is found");
  const fs::path folder = in.empty() ? fs::path(name) : fs::path(in) / name;
  std::vector<std::string> files;
  try {
    files = make_plugin_folder(template_folder(), folder, name);
  } catch (const std::exception& e) {
    throw CommandError(kUsage, e.what());
  }
  std::cout << "made " << folder.string() << ":\n";
  for (const std::string& file : files) std::cout << "  " << file << "\n";
  const fs::path prefix = template_folder().parent_path().parent_path().parent_path();
  const std::string build = shell_word((folder / "build").string());
  std::cout << "build and test it:\n  cmake -S " << shell_word(folder.string()) << " -B " << build
            << " " << shell_word("-DCMAKE_PREFIX_PATH=" + prefix.string()) << "\n  cmake --build "
            << build << "\n  ctest --test-dir " << build << " --output-on-failure\n";
  return kOk;
}

// ---- stamp ----

int stamp(const std::string& file) {
  constexpr std::chrono::seconds kPatience{30};
  runtime::StageProcess host(host_program(), "--stamp", file);
  const auto heard = conformance::hear(host, kPatience, [](const auto&) { return false; });
  for (const std::string& line : heard.last_lines) std::cerr << line << "\n";
  if (!heard.in_time)
    throw CommandError(kPluginCannotLoad, file + ": it did not describe itself within " +
                                              std::to_string(kPatience.count()) + " s");
  if (heard.ending.signal != 0)
    throw CommandError(
        kPluginCannotLoad,
        file + ": the process in which it was to describe itself " + heard.ending.text());
  return heard.ending.code;
}

// ---- test ----

struct TestOptions {
  std::string file;
  std::vector<std::string> inputs, with;
  unsigned patience = 30;
};

std::pair<std::string, std::string> assignment(const std::string& text, const char* flag) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw CommandError(kUsage, std::string(flag) + " " + text + ": expected NAME=VALUE");
  return {text.substr(0, equals), text.substr(equals + 1)};
}

// A folder for everything the kit writes, removed at the end.
class Scratch {
 public:
  Scratch() {
    std::string pattern = (fs::temp_directory_path() / "lehr-plugins-test.XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      throw CommandError(kStageFailed, pattern + ": " + std::strerror(errno));
    folder_ = pattern;
  }
  ~Scratch() {
    try {
      runtime::remove_tree(folder_);
    } catch (const std::exception&) {
    }
  }
  const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
};

int test(const Options& options, const TestOptions& chosen) {
  const Scratch scratch;
  conformance::Kit kit;
  kit.host = host_program();
  kit.scratch = scratch.folder();
  kit.patience = std::chrono::seconds(chosen.patience);
  for (const std::string& text : chosen.inputs) {
    const auto [port, path] = assignment(text, "--input");
    if (!fs::is_directory(path))
      throw CommandError(kUsage, "--input " + text + ": there is no such folder");
    kit.inputs[port] = fs::absolute(path);
  }
  for (const std::string& text : chosen.with) {
    const auto [name, value] = assignment(text, "--with");
    const auto json = conformance::Json::parse(value, nullptr, false);
    kit.with[name] = json.is_discarded() ? conformance::Json(value) : json;
  }
  try {
    kit.plugin = runtime::read_plugin_file(fs::absolute(chosen.file).lexically_normal());
    if (check_file(kit)) {
      check_parameters(kit);
      check_items(kit);
      check_stages(kit);
    }
  } catch (const runtime::PluginError& e) {
    kit.report.failed("plugin", conformance::kIsPluginFile, e.what());
  }
  if (options.json)
    std::cout << json_text(kit.report.json());
  else
    std::cout << (kit.plugin.name.empty() ? ""
                                          : kit.plugin.name + " " + kit.plugin.version + " (" +
                                                kit.plugin.path.string() + ")\n\n")
              << kit.report.text(use_color(STDOUT_FILENO));
  return kit.report.count(conformance::Verdict::failed) == 0 ? kOk : kStageFailed;
}

}  // namespace

void add_plugins_new(Command plugins, Options& options, int& exit_code) {
  auto name = std::make_shared<std::string>();
  auto in = std::make_shared<std::string>();
  Command command = plugins.add(
      "new", "Make the folder of a new plugin that builds and passes its tests at once");
  command.option("NAME", *name, "Lower-case letters, digits and '_'").required();
  command.option("--in", *in, "Make it in this folder (default: here)")
      .type_name("FOLDER")
      .existing_folder();
  add_plugin_path_option(command, options);
  command.footer(example("lehr plugins new acme"));
  command.run([&, name, in] { exit_code = make_new(options, *name, *in); });
}

void add_plugins_stamp(Command plugins, int& exit_code) {
  auto file = std::make_shared<std::string>();
  Command command =
      plugins.add("stamp", "Write a plugin's description into its file, after building it");
  command.option("FILE", *file, "A plugin file").required().existing_file();
  command.footer(example("lehr plugins stamp acme.so"));
  command.run([&, file] { exit_code = stamp(*file); });
}

void add_plugins_test(Command plugins, Options& options, int& exit_code) {
  auto chosen = std::make_shared<TestOptions>();
  Command command = plugins.add(
      "test", "Check that a plugin keeps its promises, one line each; exit code 1 if it does not");
  command.option("FILE", chosen->file, "A plugin file").required().existing_file();
  command
      .option("--input", chosen->inputs,
              "An artifact for an input that cannot be made up, as in model=FOLDER or "
              "count.model=FOLDER (may be repeated)")
      .type_name("PORT=FOLDER")
      .one_value_each();
  command
      .option("--with", chosen->with,
              "A parameter's value as JSON, as in budget={\"steps\":2} or count.limit=3 (may be "
              "repeated)")
      .type_name("NAME=JSON")
      .one_value_each();
  command
      .option("--patience", chosen->patience,
              "Seconds one run may take, and a stage may take to stop")
      .show_default()
      .range(1, 3600);
  add_json_option(command, options, "The findings as JSON");
  command.footer(example("lehr plugins test build/acme.so"));
  command.run([&, chosen] { exit_code = test(options, *chosen); });
}

}  // namespace lehr::cli
