// A command of the program and its options, over CLI11. CLI11 is templates and half a megabyte of
// headers: only command_line.cpp and the few files that walk over all commands include it, which
// makes every other command compile in half the time.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace lehr::cli {

// An option or positional argument of a command. Cheap to copy.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}
  Option& required();
  // What --help calls the value: FILE, FOLDER, STAGE ...
  Option& type_name(const std::string& name);
  Option& one_of(const std::vector<std::string>& choices);
  Option& range(int low, int high);
  Option& at_least(int low);
  Option& existing_file();
  Option& existing_folder();
  // How many values; -1: any number. An option that may be repeated takes one each time.
  Option& expected(int least, int most);
  Option& one_value_each();
  // --help shows the value the variable has now.
  Option& show_default();
  Option& group(const std::string& name);

 private:
  CLI::Option* option_;
};

// A command, or the program itself. Cheap to copy. The variables have to live until it runs.
class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}
  Command add(const std::string& name, const std::string& summary);
  Option option(const std::string& names, std::string& value, const std::string& help);
  Option option(const std::string& names, std::vector<std::string>& value, const std::string& help);
  Option option(const std::string& names, int& value, const std::string& help);
  Option option(const std::string& names, unsigned& value, const std::string& help);
  Option option(const std::string& names, std::size_t& value, const std::string& help);
  Option option(const std::string& names, double& value, const std::string& help);
  Option option(const std::string& names, std::function<void(const std::string&)> use,
                const std::string& help);
  Option flag(const std::string& names, bool& value, const std::string& help);
  // Below the options in --help.
  void footer(const std::string& text);
  void needs_subcommand();
  void may_have_subcommand();
  bool has_chosen_subcommand() const;
  void run(std::function<void()> action);
  CLI::App& app() const { return *app_; }

 private:
  CLI::App* app_;
};

}  // namespace lehr::cli
