// lehr: reads a pipeline, plans it, runs it. Everything heavy is behind a command: `lehr --version`
// opens no file.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>

#include "command.h"
#include "command_inspect.h"
#include "completion.h"
#include "help_text.h"
#include "runtime/config/suggestion.h"
#include "runtime/report/run_record.h"
#include "text/standard_output.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExitCodes =
    "\nExit codes:\n"
    "  0 done   1 a stage failed   2 wrong usage   3 mistakes in the pipeline file   4 a plugin "
    "cannot be loaded\n"
    "  5 a gate (`require`) failed   75 stopped, `lehr run` goes on   130, 143 killed by SIGINT, "
    "SIGTERM\n"
    "\nExample:\n"
    "  lehr plan pipelines/quickstart.yaml && lehr run pipelines/quickstart.yaml";

// `lehr chat` is the program lehr-chat beside this one, if there is one. Returns only if not.
void try_companion(char** argv) {
  if (argv[1] == nullptr || std::strchr(argv[1], '/') != nullptr || argv[1][0] == '-') return;
  std::error_code error;
  const fs::path program =
      fs::read_symlink("/proc/self/exe", error).parent_path() / ("lehr-" + std::string(argv[1]));
  if (error || std::string(argv[1]) == "host" || std::string(argv[1]) == "bundle" ||
      std::string(argv[1]) == "data" || access(program.c_str(), X_OK) != 0)
    return;
  execv(program.c_str(), argv + 1);
}

constexpr std::pair<std::string_view, void (*)(Command, Options&, int&)> kCommands[] = {
    {"run", add_run},
    {"plan", add_plan},
    {"explain", add_explain},
    {"graph", add_graph},
    {"validate", add_validate},
    {"plugins", add_plugins},
    {"lock", add_lock},
    {"verify", add_verify},
    {"schema", add_schema},
    {"store", add_store},
    {"data", [](Command program, Options& options, int&) { add_data(program, options); }},
    {"inspect", [](Command program, Options& options, int&) { add_inspect(program, options); }},
    {"runs", add_runs},
    {"logs", add_logs},
    {"compare", add_compare},
    {"init", add_init},
    {"doctor", add_doctor},
    {"selftest", [](Command program, Options& options, int&) { add_selftest(program, options); }},
};

// The command called `wanted` alone, as to describe them all takes a millisecond; all of them if
// there is none, and for the shells, who ask what there is.
void add_commands(Command program, std::string_view wanted, Options& options, int& exit_code) {
  const auto* found = std::find_if(std::begin(kCommands), std::end(kCommands),
                                   [&](const auto& known) { return known.first == wanted; });
  if (found != std::end(kCommands)) return found->second(program, options, exit_code);
  for (const auto& [name, add] : kCommands) add(program, options, exit_code);
  add_completion(program);
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

int unknown_command(const std::vector<std::string>& known, const std::string& name) {
  std::cerr << "lehr: there is no command '" << name << "'." << runtime::suggestion(name, known, 20)
            << "\n";
  return kUsage;
}

// The command that was meant, as far as its words are commands; `words`: "store pin ".
const CLI::App& command_meant(const CLI::App& app, int argc, char** argv, std::string& words) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc; ++i) {
    const auto found = at->get_subcommands(
        [&](const CLI::App* command) { return command->get_name() == argv[i]; });
    if (found.empty()) break;
    at = found.front();
    words += std::string(argv[i]) + " ";
  }
  return *at;
}

// lehr __complete INDEX WORD...: one candidate a line, a tab, what it is. For the shells' scripts.
void print_candidates(const CLI::App& app, int argc, char** argv) {
  const auto at = std::strtoul(argv[2], nullptr, 10);
  for (const Candidate& candidate : complete(app, {argv + 3, argv + argc}, at))
    std::cout << candidate.text << "\t" << candidate.description << "\n";
}

int run(int argc, char** argv) {
  CLI::App app{
      "Carries a language model from raw text to an aligned assistant: one YAML file, one command.",
      "lehr"};
  app.formatter(help_formatter());
  app.set_help_flag("-h,--help", "Print this help");
  app.set_version_flag("--version", LEHR_VERSION, "Print the version");
  app.require_subcommand(1);
  app.footer(kExitCodes);
  Options options;
  int exit_code = kOk;
  const Command program(&app);
  add_commands(program, argc > 1 ? argv[1] : "", options, exit_code);
  if (argc > 2 && std::strcmp(argv[1], "__complete") == 0) {
    print_candidates(app, argc, argv);
    return kOk;
  }
  if (argc == 1) {
    std::cout << app.help();
    return kUsage;
  }
  const std::vector<std::string> known = command_names(app);
  if (argv[1][0] != '-' && std::find(known.begin(), known.end(), argv[1]) == known.end()) {
    try_companion(argv);
    return unknown_command(known, argv[1]);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    std::string words;
    const CLI::App& meant = command_meant(app, argc, argv, words);
    std::cerr << "lehr: " << usage_error(meant, e) << "\nSee `lehr " << words << "--help`.\n";
    return kUsage;
  }
  return exit_code;
}

}  // namespace
}  // namespace lehr::cli

// What ends a command is printed; gives the exit code.
static int run_and_report(int argc, char** argv) {
  try {
    return lehr::cli::run(argc, argv);
  } catch (const lehr::runtime::SelectionError& e) {
    std::cerr << "lehr: " << e.what() << "\n";
    return lehr::cli::kUsage;
  } catch (const lehr::cli::CommandError& e) {
    std::cerr << "lehr: " << e.what() << "\n";
    return e.code;
  } catch (const lehr::runtime::NoSuchRun& e) {
    std::cerr << "lehr: " << e.what() << "\n";
    return lehr::cli::kUsage;
  } catch (const std::filesystem::filesystem_error& e) {
    std::cerr << "lehr: " << e.path1().string() << ": " << e.code().message() << "\n";
    return lehr::cli::kStageFailed;
  } catch (const std::exception& e) {
    std::cerr << "lehr: " << e.what() << "\n";
    return lehr::cli::kStageFailed;
  }
}

int main(int argc, char** argv) {
  int code = 0;
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0)
    std::cout << LEHR_VERSION << "\n";
  else
    code = run_and_report(argc, argv);
  try {
    lehr::text::flush_output();
  } catch (const std::runtime_error& e) {
    if (code != lehr::cli::kResumable)  // a run that stopped for it has said so
      std::cerr << "lehr: " << e.what() << "\n";
    if (code == lehr::cli::kOk) return lehr::cli::kStageFailed;
  }
  return code;
}
