// lehr runs: what was run, newest first.
#include <ctime>
#include <iomanip>
#include <iostream>

#include "command.h"
#include "runtime/run/human_text.h"
#include "runtime/store/run_log.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

void list(const Options& options) {
  const fs::path folder = store_folder(options);
  if (!fs::is_directory(folder))
    throw CommandError(kUsage, "there is no store at '" + folder.string() +
                                   "'. Name one with --store or LEHR_STORE");
  const auto runs = runtime::list_runs(folder);
  if (options.json) {
    Json out = Json::array();
    for (const auto& run : runs)
      out.push_back({{"run", run.id},
                     {"pipeline", run.pipeline},
                     {"status", run.status},
                     {"unix_time", run.unix_time},
                     {"seconds", run.seconds},
                     {"folder", run.folder.string()}});
    std::cout << out.dump(2) << "\n";
    return;
  }
  if (runs.empty()) std::cout << "no runs yet in " << folder.string() << "\n";
  for (const auto& run : runs) {
    const std::time_t time = run.unix_time;
    std::tm local{};
    ::localtime_r(&time, &local);
    char when[32];
    std::strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &local);
    std::cout << when << "  " << std::left << std::setw(12) << run.status << std::right
              << std::setw(8) << (run.seconds > 0 ? runtime::duration_text(run.seconds) : "-")
              << "  " << run.id << "\n";
  }
}

}  // namespace

void add_runs(CLI::App& app, Options& options, int&) {
  CLI::App* command = app.add_subcommand("runs", "List the runs, newest first");
  add_store_option(*command, options);
  add_json_option(*command, options, "The list as JSON");
  command->footer(example("lehr runs --store pipelines/.lehr"));
  command->callback([&] { list(options); });
}

}  // namespace lehr::cli
