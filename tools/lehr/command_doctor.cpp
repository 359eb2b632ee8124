// lehr doctor: what can be wrong on a machine, and how to put it right.
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "command.h"
#include "doctor.h"
#include "terminal_text.h"

namespace lehr::cli {
namespace {

using Json = nlohmann::ordered_json;

const char* color_of(Finding::State state) {
  return state == Finding::State::good      ? "\033[32m"
         : state == Finding::State::warning ? "\033[33m"
                                            : "\033[31m";
}

const char* name(Finding::State state) {
  return state == Finding::State::good      ? "ok"
         : state == Finding::State::warning ? "warning"
                                            : "error";
}

void print(const std::vector<Finding>& findings) {
  const bool color = use_color(STDOUT_FILENO);
  std::size_t width = 0, errors = 0, warnings = 0;
  for (const Finding& finding : findings) width = std::max(width, finding.what.size());
  for (const Finding& finding : findings) {
    errors += finding.state == Finding::State::error;
    warnings += finding.state == Finding::State::warning;
    std::cout << (color ? color_of(finding.state) : "") << padded(name(finding.state), 7)
              << (color ? "\033[0m" : "") << "  " << padded(finding.what, width) << "  "
              << finding.detail << "\n";
    if (!finding.fix.empty())
      std::cout << std::string(9 + width, ' ') << "  -> " << finding.fix << "\n";
  }
  std::cout << "\n"
            << (errors > 0     ? "something here prevents work"
                : warnings > 0 ? "ready, with reservations"
                               : "ready")
            << ": " << errors << (errors == 1 ? " error, " : " errors, ") << warnings
            << (warnings == 1 ? " warning\n" : " warnings\n");
}

}  // namespace

void add_doctor(Command app, Options& options, int& exit_code) {
  Command command =
      app.add("doctor", "Check this machine for what Lehr needs, and say how to fix what is wrong");
  add_store_option(command, options);
  add_plugin_path_option(command, options);
  add_json_option(command, options, "The findings as JSON");
  command.footer(example("lehr doctor --store pipelines/.lehr"));
  command.run([&] {
    const auto registry = load_plugins(options, std::filesystem::current_path());
    const auto findings = examine_machine(*registry, store_folder(options));
    if (options.json) {
      Json out = Json::array();
      for (const Finding& f : findings)
        out.push_back(
            {{"check", f.what}, {"state", name(f.state)}, {"detail", f.detail}, {"fix", f.fix}});
      std::cout << json_text(out);
    } else {
      print(findings);
    }
    if (std::any_of(findings.begin(), findings.end(),
                    [](const Finding& f) { return f.state == Finding::State::error; }))
      exit_code = kStageFailed;
  });
}

}  // namespace lehr::cli
