#include "help_text.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "runtime/config/suggestion.h"
#include "terminal_text.h"

namespace lehr::cli {
namespace {

constexpr std::size_t kHelpColumn = 34, kWidestHelp = 100;

bool has_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// More than one value, one after the other; not where the option is repeated instead.
bool has_list(const CLI::Option& option) {
  return option.get_items_expected_max() > 1 && option.get_allow_extra_args();
}

// "  names    what it is", the latter in a column of its own.
std::string help_entry(const std::string& names, const std::string& what) {
  const std::size_t width = std::min(terminal_width(STDOUT_FILENO), kWidestHelp);
  const auto lines = wrapped(what, width > kHelpColumn + 20 ? width - kHelpColumn : 20);
  const bool beside = text_width(names) + 2 < kHelpColumn - 1;
  std::string out = "  " + names + "\n";
  if (beside) out = padded("  " + names, kHelpColumn) + lines.front() + "\n";
  for (std::size_t i = beside ? 1 : 0; i < lines.size(); ++i)
    out += std::string(kHelpColumn, ' ') + lines[i] + "\n";
  return out;
}

class HelpText : public CLI::Formatter {
 public:
  HelpText() {
    label("OPTIONS", "options");
    label("SUBCOMMAND", "COMMAND");
    label("Positionals", "Arguments");
  }

  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string out = CLI::Formatter::make_usage(app, name);
    const std::size_t options = out.find(" [options]");
    const std::string arguments = arguments_text(*app);
    if (arguments.empty() || options == std::string::npos) return out;
    return out.substr(0, options) + " " + arguments + " [options]" +
           (out.find("[COMMAND]") == std::string::npos ? "" : " [COMMAND]") + "\n";
  }

  std::string make_option(const CLI::Option* option, bool is_argument) const override {
    std::string names = option->get_name(is_argument, !is_argument);
    for (std::size_t at = 0; (at = names.find(',', at)) != std::string::npos; at += 2)
      names.insert(at + 1, " ");
    if (!is_argument && has_value(*option)) {
      const std::string value = value_name(*option) + (has_list(*option) ? " ..." : "");
      names += option->get_items_expected_min() > 0 ? " " + value : " [" + value + "]";
    }
    std::string what = option->get_description();
    if (!option->get_default_str().empty()) what += " (default: " + option->get_default_str() + ")";
    return help_entry(names, what);
  }

  std::string make_subcommand(const CLI::App* command) const override {
    return help_entry(command->get_name(), command->get_description());
  }

  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    std::string out = CLI::Formatter::make_help(app, name, mode);
    for (std::size_t at = 0; (at = out.find("\n\n\n", at)) != std::string::npos;) out.erase(at, 1);
    return out;
  }
};

// Names of the options, as they are typed.
std::vector<std::string> typed_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options({}))
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

// "lehr store export NAME ... --output FILE [options]"
std::string usage_of(const CLI::App& command) {
  std::string words;
  for (const CLI::App* app = &command; app != nullptr; app = app->get_parent())
    words = app->get_name() + (words.empty() ? "" : " ") + words;
  const std::string arguments = arguments_text(command);
  words += (arguments.empty() ? "" : " ") + arguments;
  for (const CLI::Option* option : command.get_options({}))
    if (option->get_required() && option->nonpositional())
      words += " " + option->get_name() + " " + value_name(*option);
  return words + " [options]";
}

std::string most(int values) {
  return values == 1 ? "one value" : "at most " + std::to_string(values) + " values";
}

// What CLI11 says of the number of an option's values, in our words; else as it says it.
std::string count_error(const CLI::App& command, CLI::ExitCodes kind, const std::string& said) {
  for (const CLI::Option* option : command.get_options({})) {
    const std::string name = option->get_name();
    if (kind == CLI::ExitCodes::RequiredError && said == name + " is required")
      return name + " is missing. Usage: " + usage_of(command);
    if (kind == CLI::ExitCodes::ArgumentMismatch && said.starts_with(name + ": "))
      return said.find(": At Most") != std::string::npos
                 ? name + " takes " + most(option->get_items_expected_max()) + ", and is given more"
                 : "the value of " + name + " is missing: " + name + " " + value_name(*option);
  }
  return said;
}

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_formatter() { return std::make_shared<HelpText>(); }

std::string value_name(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{');
  if (open == std::string::npos) {
    const std::string name = type.substr(0, type.find(':'));
    return name == "INT" || name == "UINT" || name == "FLOAT" ? "N" : name;
  }
  std::string words = type.substr(open + 1, type.find('}') - open - 1);
  std::replace(words.begin(), words.end(), ',', '|');
  return words;
}

std::string arguments_text(const CLI::App& command) {
  std::string out;
  for (const CLI::Option* option :
       command.get_options([](const CLI::Option* o) { return o->get_positional(); })) {
    const std::string called = value_name(*option);  // "[RUN] STAGE": says all there is to say
    std::string shown = called[0] == '[' ? called : option->get_single_name();
    if (called[0] != '[') {
      if (option->get_items_expected_max() > 1) shown += " ...";
      if (!option->get_required()) shown = "[" + shown + "]";
    }
    out += (out.empty() ? "" : " ") + shown;
  }
  return out;
}

std::string usage_error(const CLI::App& meant, const CLI::ParseError& error) {
  const auto kind = static_cast<CLI::ExitCodes>(error.get_exit_code());
  const bool missing = kind == CLI::ExitCodes::RequiredError;
  if (!missing && kind != CLI::ExitCodes::ExtrasError)
    return count_error(meant, kind, error.what());
  const std::vector<std::string> unknown = meant.remaining();
  for (const std::string& word : unknown) {
    const std::string name = word.substr(0, word.find('='));
    if (name.size() > 1 && name[0] == '-')
      return "there is no option '" + name + "'." +
             runtime::suggestion(name, typed_names(meant), 0);
  }
  std::vector<std::string> commands;
  for (const CLI::App* command : meant.get_subcommands([](const CLI::App*) { return true; }))
    commands.push_back(command->get_name());
  if (!commands.empty() && !unknown.empty())
    return "there is no command '" + unknown.front() + "'." +
           runtime::suggestion(unknown.front(), commands, 20);
  if (!commands.empty() && missing) {
    std::string list;
    for (const std::string& command : commands) list += (list.empty() ? "" : ", ") + command;
    return "a command is missing, one of " + list;
  }
  if (missing || unknown.empty()) return count_error(meant, kind, error.what());
  return "'" + unknown.front() + "' is one argument too many" +
         (meant.get_option_no_throw("--until")
              ? ". Stages are chosen with --until, --from and --only"
              : "");
}

}  // namespace lehr::cli
