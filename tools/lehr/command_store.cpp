// lehr store: look into the store, check it, clean it.
#include <unistd.h>

#include <cctype>
#include <iomanip>
#include <iostream>
#include <thread>

#include "command.h"
#include "runtime/run/human_text.h"
#include "runtime/store/run_log.h"
#include "runtime/store/store.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;
using runtime::ArtifactStore;
using Json = nlohmann::ordered_json;

ArtifactStore open_store(const Options& options) {
  const fs::path folder = store_folder(options);
  if (!fs::is_directory(folder))
    throw CommandError(kUsage, "there is no store at '" + folder.string() +
                                   "'. Name one with --store or LEHR_STORE");
  return ArtifactStore(folder);
}

void list(const Options& options) {
  const ArtifactStore store = open_store(options);
  const auto entries = store.list();
  if (options.json) {
    Json out = Json::array();
    for (const auto& e : entries)
      out.push_back({{"digest", e.digest},
                     {"type", e.artifact.type},
                     {"bytes", e.artifact.bytes()},
                     {"facets", e.artifact.facets},
                     {"stage_id", e.stage_id},
                     {"stage", e.stage},
                     {"run", e.run}});
    std::cout << out.dump(2) << "\n";
    return;
  }
  std::uint64_t total = 0;
  std::cout << std::left << std::setw(14) << "digest" << std::setw(15) << "type" << std::setw(12)
            << "size"
            << "made by\n";
  for (const auto& e : entries) {
    total += e.artifact.bytes();
    std::cout << std::left << std::setw(14) << e.digest.substr(0, 12) << std::setw(15)
              << e.artifact.type << std::setw(12) << runtime::bytes_text(e.artifact.bytes());
    std::cout << (e.stage.empty() ? "(no result names it)" : e.stage_id + " (" + e.stage + ")")
              << "\n";
  }
  std::cout << "\n"
            << entries.size() << " artifacts, " << runtime::bytes_text(total) << " in "
            << store.root().string() << "\n";
}

int verify(const Options& options, bool discard) {
  const ArtifactStore store = open_store(options);
  const bool live = !options.json && ::isatty(STDERR_FILENO) == 1;
  std::size_t count = 0;
  const auto problems = store.verify(
      std::max(1u, std::thread::hardware_concurrency()), [&](std::size_t done, std::size_t total) {
        count = total;
        if (live) std::cerr << "\rchecking " << done + 1 << "/" << total << std::flush;
      });
  if (live) std::cerr << "\r\033[K";
  if (discard)
    for (const auto& problem : problems) store.discard(problem.path);
  if (options.json) {
    Json out = Json::array();
    for (const auto& p : problems) out.push_back({{"path", p.path.string()}, {"problem", p.what}});
    std::cout << out.dump(2) << "\n";
  } else {
    for (const auto& p : problems) std::cout << p.path.string() << ": " << p.what << "\n";
    std::cout << count << " artifacts checked, " << problems.size() << " problems"
              << (problems.empty() ? ""
                  : discard        ? "; moved away, the next run makes them again"
                            : "; --discard moves them away, so that the next run makes them again")
              << "\n";
  }
  return problems.empty() || discard ? kOk : kStageFailed;
}

void collect(const Options& options, const runtime::GcOptions& gc) {
  const runtime::GcReport report = open_store(options).gc(gc);
  if (options.json) {
    std::cout << Json{{"artifacts", report.artifacts},
                      {"results", report.results},
                      {"work", report.work},
                      {"bytes", report.bytes},
                      {"dry_run", gc.dry_run}}
                     .dump(2)
              << "\n";
    return;
  }
  std::cout << (gc.dry_run ? "would remove " : "removed ") << report.artifacts << " artifacts, "
            << report.results << " results, " << report.work
            << " unfinished stages: " << runtime::bytes_text(report.bytes) << "\n";
}

// "base.model" (or "base") in the newest run that has it, "run:base.model", a digest or its
// beginning.
std::string resolve(const ArtifactStore& store, const std::string& name) {
  const auto colon = name.find(':');
  const std::string wanted_run = colon == std::string::npos ? "" : name.substr(0, colon);
  const std::string rest = colon == std::string::npos ? name : name.substr(colon + 1);
  const auto results = store.results();
  for (const auto& run : runtime::list_runs(store.root())) {
    if (!wanted_run.empty() && run.id != wanted_run) continue;
    for (const std::string& key : run.keys)
      for (const auto& result : results) {
        if (result.key != key) continue;
        for (const auto& [port, output] : result.outputs)
          if (rest == result.stage_id + "." + port ||
              (rest == result.stage_id && result.outputs.size() == 1))
            return output.digest;
      }
  }
  if (wanted_run.empty() && rest.size() >= 4 &&
      rest.find_first_not_of("0123456789abcdef") == std::string::npos)
    return store.resolve_digest(rest);
  throw CommandError(kUsage, "'" + name +
                                 "' names no artifact of this store: give a stage (base), a port " +
                                 "(source.documents), run:stage.port, or a digest");
}

}  // namespace

void add_store(CLI::App& app, Options& options, int& exit_code) {
  CLI::App* command = app.add_subcommand("store", "Look into the store, check it, clean it");
  command->require_subcommand(1);
  command->footer(example("lehr store verify --store pipelines/.lehr"));

  CLI::App* ls = command->add_subcommand("ls", "List the artifacts");
  add_store_option(*ls, options);
  add_json_option(*ls, options, "The list as JSON");
  ls->callback([&] { list(options); });

  CLI::App* check =
      command->add_subcommand("verify", "Hash everything and report what is damaged (exit code 1)");
  auto discard = std::make_shared<bool>(false);
  add_store_option(*check, options);
  add_json_option(*check, options, "The problems as JSON");
  check->add_flag("--discard", *discard,
                  "Move damaged things away, so that the next run makes them again");
  check->callback([&options, &exit_code, discard] { exit_code = verify(options, *discard); });

  CLI::App* gc = command->add_subcommand(
      "gc", "Remove what no recent run reaches; safe beside running pipelines");
  auto settings = std::make_shared<runtime::GcOptions>();
  auto grace = std::make_shared<std::int64_t>(settings->grace.count());
  add_store_option(*gc, options);
  add_json_option(*gc, options, "The report as JSON");
  gc->add_option("--keep-runs", settings->keep_runs,
                 "Newest runs of each pipeline whose results stay")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  gc->add_option("--grace", *grace, "Keep what is younger than this many seconds")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  gc->add_flag("--dry-run", settings->dry_run, "Only say what would be removed");
  gc->callback([&options, settings, grace] {
    settings->grace = std::chrono::seconds(*grace);
    collect(options, *settings);
  });

  CLI::App* path = command->add_subcommand("path", "Print the folder of an artifact");
  auto name = std::make_shared<std::string>();
  path->add_option("ARTIFACT", *name, "stage, stage.port, run:stage.port, or a digest")->required();
  add_store_option(*path, options);
  path->callback([&options, name] {
    const ArtifactStore store = open_store(options);
    std::cout << store.artifact_path(resolve(store, *name)).string() << "\n";
  });
}

}  // namespace lehr::cli
