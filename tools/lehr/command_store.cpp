// lehr store: look into the store, check it, clean it.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <thread>

#include "artifact_argument.h"
#include "command_store.h"
#include "runtime/config/literal.h"
#include "runtime/run/human_text.h"
#include "runtime/store/output_links.h"
#include "runtime/store/pins.h"
#include "terminal_text.h"

namespace lehr::cli {
namespace {

using runtime::ArtifactStore;
using Json = nlohmann::ordered_json;

// "1 artifact", "2 artifacts"
std::string counted(std::size_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

void list_artifacts(const Options& options) {
  const ArtifactStore store = open_store(options);
  std::size_t damaged = 0;
  const auto entries = store.list(&damaged);
  const auto pins = runtime::list_pins(store);
  const auto links = runtime::list_output_links(store);
  if (options.json) {
    Json out = Json::array();
    for (const auto& e : entries)
      out.push_back({{"digest", e.digest},
                     {"type", e.artifact.type},
                     {"bytes", e.artifact.bytes()},
                     {"facets", e.artifact.facets},
                     {"stage_id", e.stage_id},
                     {"stage", e.stage},
                     {"run", e.run},
                     {"pinned", pins.contains(e.digest)},
                     {"linked", links.contains(e.digest)}});
    std::cout << json_text(out);
    return;
  }
  std::uint64_t total = 0;
  TextTable table("llll");
  table.row({"digest", "type", "size", "made by"});
  for (const auto& e : entries) {
    total += e.artifact.bytes();
    std::string made = e.stage.empty() ? "(no result names it)" : e.stage_id + " (" + e.stage + ")";
    if (const auto pin = pins.find(e.digest); pin != pins.end())
      made += ", pinned" + (pin->second.reason.empty() ? "" : ": " + pin->second.reason);
    if (const auto link = links.find(e.digest); link != links.end())
      made += ", linked from " + link->second.string();
    table.row(
        {e.digest.substr(0, 12), e.artifact.type, runtime::bytes_text(e.artifact.bytes()), made});
  }
  std::cout << table.text() << "\n"
            << counted(entries.size(), "artifact") << ", " << runtime::bytes_text(total) << " in "
            << store.root().string() << "\n";
  if (damaged > 0) std::cout << damaged << " more cannot be read: `lehr store verify` says why\n";
}

int verify(const Options& options, bool discard) {
  const ArtifactStore store = open_store(options);
  const bool live = !options.json && obeys_controls(STDERR_FILENO);
  std::size_t count = 0;
  const auto problems = store.verify(
      std::max(1u, std::thread::hardware_concurrency()), [&](std::size_t done, std::size_t total) {
        count = total;
        if (live) std::cerr << "\rchecking " << done + 1 << "/" << total << std::flush;
      });
  if (live) std::cerr << "\r\033[K";
  std::size_t unreadable = 0;  // they stay: only what is wrong with them is certain to go
  for (const auto& problem : problems)
    if (problem.unreadable)
      ++unreadable;
    else if (discard)
      store.discard(problem.path);
  if (options.json) {
    Json out = Json::array();
    for (const auto& p : problems)
      out.push_back({{"path", p.path.string()}, {"problem", p.what}, {"unreadable", p.unreadable}});
    std::cout << json_text(out);
  } else {
    for (const auto& p : problems) {
      const std::string path = p.path.string();
      std::cout << (p.what.find(path) == std::string::npos ? path + ": " : "") << p.what << "\n";
    }
    std::cout << counted(count, "artifact") << " checked, " << counted(problems.size(), "problem");
    if (const std::size_t damaged = problems.size() - unreadable; damaged > 0)
      std::cout << "; "
                << (discard ? "what is damaged was moved away, the next run makes it again"
                            : "--discard moves away what is damaged, so that the next run makes it "
                              "again");
    if (unreadable > 0) std::cout << "; what cannot be read stays";
    std::cout << "\n";
  }
  return problems.empty() || (discard && unreadable == 0) ? kOk : kStageFailed;
}

void collect(const Options& options, const runtime::GcOptions& gc) {
  const runtime::GcReport report = open_store(options).gc(gc);
  if (options.json) {
    Json items = Json::array();
    for (const auto& item : report.items)
      items.push_back({{"kind", item.kind},
                       {"name", item.name},
                       {"bytes", item.bytes},
                       {"made_by", item.made_by}});
    std::cout << json_text({{"artifacts", report.count("artifact")},
                            {"results", report.count("result")},
                            {"work", report.count("work")},
                            {"runs", report.count("run")},
                            {"bytes", report.bytes()},
                            {"dry_run", gc.dry_run},
                            {"items", std::move(items)}});
    return;
  }
  TextTable table("llll");
  for (const auto& item : report.items)
    if (item.kind != "result")
      table.row({item.kind == "run" ? item.name : item.name.substr(0, 12), item.kind,
                 runtime::bytes_text(item.bytes),
                 item.kind == "artifact" && item.made_by.empty() ? "(no result names it)"
                                                                 : item.made_by});
  if (gc.dry_run) std::cout << table.text();
  std::cout << (gc.dry_run ? "would remove " : "removed ")
            << counted(report.count("artifact"), "artifact") << ", "
            << counted(report.count("result"), "result") << ", "
            << counted(report.count("work"), "unfinished stage") << ", "
            << counted(report.count("run"), "run") << ": " << runtime::bytes_text(report.bytes())
            << "\n";
}

// A number of seconds, or with a unit: 90s, 30m, 2h, 7d.
std::chrono::seconds duration_given(const std::string& text) {
  const auto read = runtime::read_duration(text);
  if (!read || *read < 0)
    throw CommandError(kUsage,
                       "--grace: '" + text + "' is no duration. Give seconds or 30m, 2h, 7d");
  constexpr double kCentury = 3.2e9;  // far from what a clock in nanoseconds cannot count
  return std::chrono::seconds(static_cast<std::int64_t>(std::min(*read, kCentury)));
}

}  // namespace

void add_store(Command app, Options& options, int& exit_code) {
  Command command = app.add("store", "Look into the store, check it, clean it");
  command.needs_subcommand();
  command.footer(example("lehr store verify -p pipelines/quickstart.yaml"));

  Command ls = command.add("ls", "List the artifacts");
  add_store_of_options(ls, options);
  add_json_option(ls, options, "The list as JSON");
  ls.footer(example("lehr store ls --store pipelines/.lehr"));
  ls.run([&] { list_artifacts(options); });

  Command check = command.add("verify", "Hash everything and report what is damaged (exit code 1)");
  auto discard = std::make_shared<bool>(false);
  add_store_of_options(check, options);
  add_json_option(check, options, "The problems as JSON");
  check.flag("--discard", *discard,
             "Move damaged things away, so that the next run makes them again");
  check.footer(example("lehr store verify --store pipelines/.lehr --discard"));
  check.run([&options, &exit_code, discard] { exit_code = verify(options, *discard); });

  Command gc = command.add(
      "gc",
      "Remove what no recent run, pin or linked output reaches; safe beside running pipelines");
  auto settings = std::make_shared<runtime::GcOptions>();
  auto grace = std::make_shared<std::string>("1h");
  add_store_of_options(gc, options);
  add_json_option(gc, options, "The report as JSON");
  gc.option("--keep-runs", settings->keep_runs,
            "Newest runs of each pipeline that stay, with their results")
      .show_default()
      .at_least(0);
  gc.option("--grace", *grace,
            "Keep what is younger than this: seconds, or 30m, 2h, 7d. What is in flight stays "
            "anyway; checkpoints of stopped stages stay a week")
      .show_default()
      .type_name("TIME");
  gc.flag("--dry-run", settings->dry_run, "Only say what would be removed");
  gc.footer(example("lehr store gc --dry-run --keep-runs 1 --grace 2d"));
  gc.run([&options, settings, grace] {
    settings->grace = duration_given(*grace);
    collect(options, *settings);
  });

  add_store_show(command, options);
  add_store_pins(command, options);
  add_store_adopt(command, options, exit_code);
  add_store_bundles(command, options);
}

}  // namespace lehr::cli
