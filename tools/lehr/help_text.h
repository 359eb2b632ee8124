// How `--help` looks, and what is said of a command line that cannot be read. Laid out for the
// width of the terminal, in words of ours: CLI11 prints its own notation of types, ranges and
// counts.
#pragma once

#include <memory>
#include <string>

namespace CLI {
class App;
class FormatterBase;
class Option;
class ParseError;
}  // namespace CLI

namespace lehr::cli {

std::shared_ptr<CLI::FormatterBase> help_formatter();

// What an option's value is called: "FILE"; "text|json" where it is one of a few words.
std::string value_name(const CLI::Option& option);

// "PIPELINE [STAGE ...]": the arguments that stand for themselves.
std::string arguments_text(const CLI::App& command);

// Why the command line could not be read: what is wrong, what may have been meant. `meant`: the
// command, as far as its words are commands.
std::string usage_error(const CLI::App& meant, const CLI::ParseError& error);

}  // namespace lehr::cli
