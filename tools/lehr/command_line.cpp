#include "command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <filesystem>

#include "runtime/config/suggestion.h"

namespace lehr::cli {
namespace {

// CLI11's own words for these are of its types.
CLI::Validator number(const char* what, bool (*is_good)(const std::string&)) {
  return CLI::Validator(
      [what, is_good](const std::string& value) {
        return is_good(value) ? "" : "must be " + std::string(what) + ", not " + value;
      },
      "NUMBER");
}

template <class Number>
bool reads_as(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

CLI::Validator path(const char* what, const char* shown,
                    bool (*is_there)(const std::filesystem::path&)) {
  return CLI::Validator(
      [what, is_there](const std::string& value) {
        return is_there(value) ? "" : "there is no " + std::string(what) + " '" + value + "'";
      },
      shown);
}

}  // namespace

Option& Option::required() {
  option_->required();
  return *this;
}
Option& Option::type_name(const std::string& name) {
  option_->type_name(name);
  return *this;
}
Option& Option::one_of(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ",") + word;
  option_->check(CLI::Validator(
      [words](const std::string& value) {
        const bool known = std::find(words.begin(), words.end(), value) != words.end();
        return known ? "" : "cannot be '" + value + "'." + runtime::suggestion(value, words);
      },
      "{" + list + "}"));
  return *this;
}
Option& Option::range(int low, int high) {  // before what is said of any number
  option_->transform(CLI::Validator(
      [low, high](const std::string& value) {
        double number = 0;
        const bool good =
            CLI::detail::lexical_cast(value, number) && number >= low && number <= high;
        return good ? ""
                    : "must be a number from " + std::to_string(low) + " to " +
                          std::to_string(high) + ", not " + value;
      },
      "NUMBER"));
  return *this;
}
Option& Option::at_least(int low) {
  option_->transform(CLI::Validator(
      [low](const std::string& value) {
        double number = 0;
        const bool good = CLI::detail::lexical_cast(value, number) && number >= low;
        return good ? "" : "must be a number from " + std::to_string(low) + " on, not " + value;
      },
      "NUMBER"));
  return *this;
}
Option& Option::existing_file() {
  option_->check(path("file", "FILE", [](const std::filesystem::path& file) {
    std::error_code none;
    return std::filesystem::exists(file, none) && !std::filesystem::is_directory(file, none);
  }));
  return *this;
}
Option& Option::existing_folder() {
  option_->check(path("folder", "FOLDER", [](const std::filesystem::path& folder) {
    std::error_code none;
    return std::filesystem::is_directory(folder, none);
  }));
  return *this;
}
Option& Option::expected(int least, int most) {
  option_->expected(least, most);
  return *this;
}
Option& Option::one_value_each() {
  option_->allow_extra_args(false);
  return *this;
}
Option& Option::show_default() {
  option_->capture_default_str();
  return *this;
}
Option& Option::group(const std::string& name) {
  option_->group(name);
  return *this;
}

Command Command::add(const std::string& name, const std::string& summary) {
  return Command(app_->add_subcommand(name, summary)->group("Commands"));
}
Option Command::option(const std::string& names, std::string& value, const std::string& help) {
  return Option(app_->add_option(names, value, help));
}
Option Command::option(const std::string& names, std::vector<std::string>& value,
                       const std::string& help) {
  return Option(app_->add_option(names, value, help));
}
Option Command::option(const std::string& names, int& value, const std::string& help) {
  return Option(
      app_->add_option(names, value, help)->check(number("a whole number", reads_as<int>)));
}
Option Command::option(const std::string& names, unsigned& value, const std::string& help) {
  return Option(app_->add_option(names, value, help)
                    ->check(number("a whole number from 0 on", reads_as<unsigned>)));
}
Option Command::option(const std::string& names, std::size_t& value, const std::string& help) {
  return Option(app_->add_option(names, value, help)
                    ->check(number("a whole number from 0 on", reads_as<std::size_t>)));
}
Option Command::option(const std::string& names, double& value, const std::string& help) {
  return Option(app_->add_option(names, value, help)->check(number("a number", reads_as<double>)));
}
Option Command::option(const std::string& names, std::function<void(const std::string&)> use,
                       const std::string& help) {
  return Option(app_->add_option_function<std::string>(names, std::move(use), help));
}
Option Command::flag(const std::string& names, bool& value, const std::string& help) {
  return Option(app_->add_flag(names, value, help));
}
void Command::footer(const std::string& text) { app_->footer(text); }
void Command::needs_subcommand() { app_->require_subcommand(1); }
void Command::may_have_subcommand() { app_->require_subcommand(0, 1); }
bool Command::has_chosen_subcommand() const { return !app_->get_subcommands().empty(); }
void Command::run(std::function<void()> action) { app_->callback(std::move(action)); }

}  // namespace lehr::cli
