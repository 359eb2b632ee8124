// lehr verify: runs stages again in a scratch store and compares what comes out.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <random>

#include "command.h"
#include "runtime/plan/planner.h"
#include "runtime/plan/selection.h"
#include "runtime/run/human_text.h"
#include "runtime/run/verification.h"
#include "runtime/store/lease.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;
using runtime::StageVerification;
using Outcome = StageVerification::Outcome;
using Json = nlohmann::ordered_json;

struct Settings {
  std::vector<std::string> stages;
  double tolerance = runtime::kVerifyTolerance;
  bool keep = false;
};

// The stages to verify, in data-flow order: those named, else all that are cached.
std::vector<const runtime::PlannedStage*> chosen(const runtime::Plan& plan,
                                                 const std::vector<std::string>& names) {
  const std::vector<bool> named = runtime::stages_named(plan, names);
  std::vector<const runtime::PlannedStage*> out;
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    const runtime::PlannedStage& stage = plan.stages[i];
    const bool cached = stage.state == runtime::StageState::cached;
    if (named[i] && !cached)
      throw CommandError(kUsage, "stage '" + stage.id + "' has no result to verify (" +
                                     stage.reason + "). `lehr run` makes it");
    if (names.empty() ? cached : named[i]) out.push_back(&stage);
  }
  if (out.empty())
    throw CommandError(kUsage,
                       "no stage of the pipeline has a result to verify. `lehr run` makes "
                       "them");
  return out;
}

// Where stages run again: a folder in work/ that is held like a stage in progress. gc takes what a
// killed `lehr verify` left.
class Scratch {
 public:
  Scratch(const runtime::ArtifactStore& store, bool keep)
      : folder_(store.work_path("verify-" + std::to_string(std::random_device()()) + "-" +
                                std::to_string(::getpid()))),
        lease_(runtime::Lease::try_take(folder_)),
        keep_(keep) {}
  ~Scratch() {
    if (keep_) return;
    try {
      runtime::remove_tree(folder_);
    } catch (const std::exception& e) {
      std::cerr << "lehr: warning: " << e.what() << "\n";
    }
  }
  fs::path store() const { return folder_ / "store"; }

 private:
  fs::path folder_;
  std::optional<runtime::Lease> lease_;
  bool keep_;
};

const char* name(Outcome outcome) {
  static const char* names[] = {"same", "differs", "open", "failed", "stopped"};
  return names[static_cast<int>(outcome)];
}

// "bytes": what the stage promises; "results": the most that can be asked of it.
std::string held_to(const StageVerification& v, double tolerance) {
  return v.by_results ? "results within " + runtime::number_text(100 * tolerance) + "%" : "bytes";
}

void print(const std::vector<StageVerification>& all, double tolerance) {
  std::size_t width = 5;
  for (const auto& v : all) width = std::max(width, v.stage.size());
  const auto line = [&](std::string stage, std::string outcome, std::string time,
                        const std::string& text) {
    stage.resize(width, ' ');
    outcome.resize(7, ' ');
    time.insert(0, time.size() < 8 ? 8 - time.size() : 0, ' ');
    std::cout << stage << "  " << outcome << "  " << time << "  " << text << "\n";
  };
  std::cout << "\n";
  line("stage", "outcome", "time", "held to");
  std::size_t same = 0, open = 0;
  for (const auto& v : all) {
    same += v.outcome == Outcome::same;
    open += v.outcome == Outcome::open;
    line(v.stage, name(v.outcome), runtime::duration_text(v.seconds), held_to(v, tolerance));
    for (const std::string& detail : v.details) std::cout << "    " << detail << "\n";
  }
  std::cout << "\n"
            << same << " of " << all.size() << " came out the same"
            << (open > 0 ? "; of " + std::to_string(open) + " it cannot be told" : "") << "\n";
}

Json to_json(const std::vector<StageVerification>& all) {
  Json out = Json::array();
  for (const auto& v : all)
    out.push_back({{"stage", v.stage},
                   {"determinism", v.determinism},
                   {"outcome", name(v.outcome)},
                   {"details", v.details},
                   {"seconds", v.seconds}});
  return out;
}

int verify(const Options& options, const Settings& settings, runtime::Plan& plan) {
  const auto store = open_store(options);
  runtime::look_up(plan, &store);
  const auto lock = store.shared_lock();  // gc takes nothing away meanwhile
  const auto stages = chosen(plan, settings.stages);
  const Scratch scratch(store, settings.keep);
  runtime::Verification verification(plan, store, scratch.store(), host_program(),
                                     settings.tolerance);
  std::vector<StageVerification> done;
  {
    Options shown = options;
    shown.json = false;
    const auto display = options.json ? runtime::plain_display(STDERR_FILENO) : display_for(shown);
    for (const auto* stage : stages) {
      try {
        done.push_back(verification.run(*stage, *display));
      } catch (const runtime::StoreError& e) {  // what it reads or made is damaged
        done.push_back({stage->id, stage->determinism, Outcome::failed, {e.what()}, 0, false});
      }
      if (done.back().outcome == Outcome::stopped) break;
    }
  }
  if (options.json)
    std::cout << json_text(to_json(done));
  else
    print(done, settings.tolerance);
  if (settings.keep) std::cerr << "kept: " << scratch.store().string() << "\n";
  if (done.back().outcome == Outcome::stopped) return kResumable;
  const bool good = std::all_of(done.begin(), done.end(), [](const auto& v) {
    return v.outcome == Outcome::same || v.outcome == Outcome::open;
  });
  return good ? kOk : kStageFailed;
}

}  // namespace

void add_verify(Command app, Options& options, int& exit_code) {
  Command command =
      app.add("verify", "Run stages again, apart from the store, and compare what comes out");
  add_pipeline_options(command, options);
  auto settings = std::make_shared<Settings>();
  command.option("STAGE", settings->stages, "Stages (default: all that are cached)")
      .type_name("NAME");
  command
      .option("--tolerance", settings->tolerance,
              "How far results of stages that do not promise the same bytes may differ: a "
              "share of the larger")
      .show_default()
      .at_least(0);
  command.flag("--keep", settings->keep, "Keep the scratch store, and say where it is");
  add_json_option(command, options, "The comparison as JSON");
  command.footer(example("lehr verify pipelines/quickstart.yaml tokenizer tokens") +
                 "\n\nEach stage gets the inputs its result was recorded with. Stages whose class "
                 "is exact or machine must\ngive the same bytes, others results "
                 "within the tolerance; one that has no results and gives\nother bytes is left "
                 "open. Exit code 1 if anything differs.\n`lehr store verify` only hashes what is "
                 "there.");
  command.run([&, settings] {
    LoadedPipeline* loaded = load_pipeline(options, exit_code);
    if (loaded) exit_code = verify(options, *settings, loaded->plan);
  });
}

}  // namespace lehr::cli
