#include "command_line.h"

#include <CLI/CLI.hpp>

namespace lehr::cli {

Option& Option::required() {
  option_->required();
  return *this;
}
Option& Option::type_name(const std::string& name) {
  option_->type_name(name);
  return *this;
}
Option& Option::one_of(std::initializer_list<const char*> choices) {
  option_->check(CLI::IsMember(std::vector<std::string>(choices.begin(), choices.end())));
  return *this;
}
Option& Option::range(int low, int high) {
  option_->check(CLI::Range(low, high));
  return *this;
}
Option& Option::at_least(int low) {
  option_->check(low > 0 ? CLI::PositiveNumber : CLI::NonNegativeNumber);
  return *this;
}
Option& Option::existing_file() {
  option_->check(CLI::ExistingFile);
  return *this;
}
Option& Option::existing_folder() {
  option_->check(CLI::ExistingDirectory);
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
  return Command(app_->add_subcommand(name, summary));
}
Option Command::option(const std::string& names, std::string& value, const std::string& help) {
  return Option(app_->add_option(names, value, help));
}
Option Command::option(const std::string& names, std::vector<std::string>& value,
                       const std::string& help) {
  return Option(app_->add_option(names, value, help));
}
Option Command::option(const std::string& names, int& value, const std::string& help) {
  return Option(app_->add_option(names, value, help));
}
Option Command::option(const std::string& names, unsigned& value, const std::string& help) {
  return Option(app_->add_option(names, value, help));
}
Option Command::option(const std::string& names, std::size_t& value, const std::string& help) {
  return Option(app_->add_option(names, value, help));
}
Option Command::option(const std::string& names, double& value, const std::string& help) {
  return Option(app_->add_option(names, value, help));
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
