// lehr(1), from the help texts of the commands.
#include <CLI/CLI.hpp>
#include <algorithm>

#include "completion.h"
#include "help_text.h"

namespace lehr::cli {
namespace {

// A line of running text: a backslash, a hyphen and a leading dot or quote mean something to roff.
std::string roff(const std::string& text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    line_begins = c == '\n';
  }
  return out;
}

std::vector<const CLI::App*> subcommands(const CLI::App& app) {
  auto all = app.get_subcommands([](const CLI::App*) { return true; });
  std::erase_if(all, [](const CLI::App* command) { return command->get_group().empty(); });
  return {all.begin(), all.end()};
}

std::string synopsis(const CLI::App& command, const std::string& name) {
  const std::string arguments = arguments_text(command);
  return ".B " + name + "\n" + roff(arguments) + (arguments.empty() ? "" : " ") + "[options]\n";
}

void add_options(std::string& out, const CLI::App& command) {
  for (const CLI::Option* option : command.get_options([](const CLI::Option*) { return true; })) {
    const bool positional = option->get_positional();
    std::string names = option->get_name(positional, true);
    for (std::size_t at = 0; (at = names.find(',', at)) != std::string::npos; at += 2)
      names.insert(at + 1, " ");
    if (names == "-h, --help") continue;
    const std::string type =
        option->nonpositional() && option->get_items_expected_max() > 0 ? value_name(*option) : "";
    out += ".TP\n.B " + roff(names) + (type.empty() ? "" : " " + roff(type)) + "\n" +
           roff(option->get_description());
    if (!option->get_default_str().empty())
      out += " (default: " + roff(option->get_default_str()) + ")";
    out += "\n";
  }
}

// What stands below "Example:" in a footer, line by line.
std::vector<std::string> examples(const CLI::App& command) {
  std::vector<std::string> out;
  const std::string footer = command.get_footer();
  std::size_t at = footer.find("Example:\n");
  if (at == std::string::npos) return out;
  for (at += 9; at < footer.size();) {
    const std::size_t end = std::min(footer.find('\n', at), footer.size());
    out.push_back(footer.substr(at, end - at));
    out.back().erase(0, out.back().find_first_not_of(' '));
    at = end + 1;
  }
  return out;
}

void add_command(std::string& out, const CLI::App& command, const std::string& before) {
  const std::string name = before + " " + command.get_name();
  const auto inner = subcommands(command);
  if (inner.empty() || command.get_require_subcommand_min() == 0) {
    out += ".SS \"" + roff(name) + "\"\n" + synopsis(command, name) + ".PP\n" +
           roff(command.get_description()) + ".\n";
    add_options(out, command);
    if (const auto lines = examples(command); !lines.empty()) {
      out += ".PP\nFor example:\n.PP\n.nf\n.RS\n";
      for (const std::string& line : lines) out += roff(line) + "\n";
      out += ".RE\n.fi\n";
    }
  }
  for (const CLI::App* sub : inner) add_command(out, *sub, name);
}

}  // namespace

std::string man_page(const CLI::App& app, const std::string& version) {
  std::string out = ".TH LEHR 1 \"\" \"Lehr " + version +
                    "\" \"User Commands\"\n"
                    ".SH NAME\nlehr \\- one YAML file in, an aligned language model out\n"
                    ".SH SYNOPSIS\n.B lehr\n.I command\n[arguments] [options]\n"
                    ".SH DESCRIPTION\n" +
                    roff(app.get_description()) +
                    "\nA pipeline is a file of stages; each stage is a plugin, run in a process of "
                    "its own. What a stage makes is kept in a store\nby what it was made from, so "
                    "that nothing is computed twice, and whatever is killed goes on where it was.\n"
                    ".SH COMMANDS\n";
  for (const CLI::App* command : subcommands(app)) add_command(out, *command, "lehr");
  out +=
      ".SH ENVIRONMENT\n"
      ".TP\n.B LEHR_STORE\nThe store, where \\-\\-store names none (default: .lehr beside the "
      "pipeline).\n"
      ".TP\n.B LEHR_PLUGIN_PATH\nFolders with plugins, separated by colons, looked into after "
      "\\-\\-plugin\\-path.\n"
      ".TP\n.B NO_COLOR\nNo colours on a terminal.\n"
      ".SH FILES\n"
      ".TP\n.I .lehr/\nThe store: artifacts, results, stages in progress, records of runs.\n"
      ".TP\n.I plugins/\nPlugins beside a pipeline; also ~/.local/share/lehr/plugins and "
      "lib/lehr/plugins of the installation.\n"
      ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] :
       std::vector<std::pair<const char*, const char*>>{{"0", "done"},
                                                        {"1", "a stage failed"},
                                                        {"2", "wrong usage"},
                                                        {"3", "mistakes in the pipeline file"},
                                                        {"4", "a plugin cannot be loaded"},
                                                        {"5", "a gate (require) failed"},
                                                        {"75", "stopped; run again to go on"},
                                                        {"130, 143", "killed by SIGINT, SIGTERM"}})
    out += std::string(".TP\n.B ") + code + "\n" + meaning + "\n";
  return out;
}

}  // namespace lehr::cli
