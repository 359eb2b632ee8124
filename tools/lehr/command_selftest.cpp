// Whether the mathematics is right on this machine.
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "command.h"
#include "companion.h"
#include "lehr-selftest/check_names.h"

namespace lehr::cli {
namespace {

struct SelftestSettings {
  std::vector<std::string> only;
  std::string device = "cpu";
};

std::vector<std::string> check_names() {
  std::vector<std::string> names;
  for (const selftest::CheckName& check : selftest::kCheckNames) names.push_back(check.name);
  return names;
}

std::string what_is_checked() {
  std::string out = "\nChecks:\n";
  for (const selftest::CheckName& check : selftest::kCheckNames) {
    std::string name = check.name;
    name.resize(13, ' ');
    out += "  " + name + " " + check.promise + "\n";
  }
  return out;
}

[[noreturn]] void selftest(const Options& options, const SelftestSettings& settings) {
  const nlohmann::json request = {{"only", settings.only},
                                  {"device", settings.device},
                                  {"plugin_paths", options.plugin_paths},
                                  {"color", use_color(STDOUT_FILENO)},
                                  {"live", obeys_controls(STDOUT_FILENO) && !options.json},
                                  {"json", options.json}};
  become("lehr-selftest", {request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)});
}

}  // namespace

void add_selftest(Command app, Options& options) {
  Command command = app.add(
      "selftest",
      "Train and run small models, and check that the mathematics is right on this machine");
  auto settings = std::make_shared<SelftestSettings>();
  command.option("--only", settings->only, "Only this check (may be repeated)")
      .one_of(check_names())
      .type_name("CHECK")
      .one_value_each();
  command.option("--device", settings->device, "Where models are computed")
      .one_of({"cpu", "cuda"})
      .show_default();
  add_plugin_path_option(command, options);
  add_json_option(command, options, "The findings as JSON");
  command.footer(what_is_checked() +
                 example("lehr selftest\n  lehr selftest --only resume --device cuda"));
  command.run([&options, settings] { selftest(options, *settings); });
}

}  // namespace lehr::cli
