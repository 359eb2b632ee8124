// lehr data look, report: what a data artifact holds. Ends in lehr-data.
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "artifact_argument.h"
#include "companion.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;

struct DataSettings {
  std::string name, split = "train", tokenizer, dropped, by, output;
  std::size_t count = 5, seed = 0, characters = 800;
  bool ids = false;
};

// "clean.documents of run 2026...", or the beginning of its digest.
std::string made_by(const runtime::NamedArtifact& named) {
  if (named.stage_id.empty()) return named.digest.substr(0, 12);
  return named.stage_id + "." + named.port + " of run " + named.run + " · " +
         named.digest.substr(0, 12);
}

[[noreturn]] void show(const char* what, const Options& options, const DataSettings& settings) {
  const auto store = open_store(options);
  const auto named = artifact_named(store, options, settings.name);
  std::string tokenizer;
  if (!settings.tokenizer.empty()) {
    const auto found = artifact_named(store, options, settings.tokenizer);
    if (!fs::exists(store.artifact_path(found.digest) / "tokenizer.json"))
      throw CommandError(kUsage, "--tokenizer " + settings.tokenizer + ": " +
                                     store.artifact(found.digest).type +
                                     " have no tokenizer; name a tokenizer or a model");
    tokenizer = store.artifact_path(found.digest).string();
  }
  const nlohmann::json request = {{"folder", store.artifact_path(named.digest).string()},
                                  {"type", store.artifact(named.digest).type},
                                  {"title", settings.name},
                                  {"made_by", made_by(named)},
                                  {"split", settings.split},
                                  {"count", settings.count},
                                  {"seed", settings.seed},
                                  {"characters", settings.characters},
                                  {"tokenizer", tokenizer},
                                  {"dropped", settings.dropped},
                                  {"ids", settings.ids},
                                  {"by", settings.by},
                                  {"output", settings.output},
                                  {"color", use_color(STDOUT_FILENO)}};
  become("lehr-data",
         {what, request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)});
}

void write_report(const Options& options, const DataSettings& settings) {
  if (!fs::is_directory(fs::absolute(settings.output).parent_path()))
    throw CommandError(kUsage, "--output " + settings.output + ": there is no such folder");
  show("report", options, settings);
}

}  // namespace

void add_data(Command app, Options& options) {
  Command command = app.add("data", "Look into documents, tokens, conversations and preferences");
  command.needs_subcommand();
  command.footer(example("lehr data look clean -p pipelines/quickstart.yaml"));
  const auto common = [&](Command to, const std::shared_ptr<DataSettings>& settings) {
    to.option("NAME", settings->name, kArtifactHelp).required();
    to.option("--tokenizer", settings->tokenizer,
              "Show text as the tokens of this tokenizer (an artifact, named alike)")
        .type_name("NAME");
    to.option("--seed", settings->seed, "Draw others").show_default().type_name("N");
    add_artifact_options(to, options);
  };

  auto looking = std::make_shared<DataSettings>();
  Command look = command.add(
      "look",
      "A few rows drawn at random: texts, token boundaries, what is trained on, what was "
      "dropped and why");
  common(look, looking);
  look.option("-n,--count", looking->count, "How many").show_default().type_name("N");
  look.option("--split", looking->split, "train or eval").one_of({"train", "eval"}).show_default();
  look.option("--characters", looking->characters, "Show so much of each (0: all)")
      .show_default()
      .type_name("N");
  look.flag("--ids", looking->ids, "Every token on a line of its own, with its id");
  look.option(
          "--dropped",
          [looking](const std::string& reason) {
            looking->dropped = reason.empty() ? "*" : reason;
          },
          "What the stage dropped instead: examples of this reason, or of all")
      .expected(0, 1)
      .type_name("REASON");
  look.footer(
      example("lehr data look clean -n 3 --seed 1\n"
              "  lehr data look clean --dropped gopher_short_doc\n"
              "  lehr data look tokens -n 1 --ids\n"
              "  lehr data look source.conversations --tokenizer tokenizer"));
  look.run([&options, looking] { show("look", options, *looking); });

  auto reporting = std::make_shared<DataSettings>();
  Command report =
      command.add("report",
                  "Distributions, shares, drops and examples as one HTML page that needs nothing "
                  "else");
  common(report, reporting);
  report.option("-o,--output", reporting->output, "File to write").required().type_name("FILE");
  report
      .option(
          "--by", reporting->by,
          "Amounts of text and bytes per token by this field of documents, too (default: source, "
          "where there is one)")
      .type_name("FIELD");
  report.footer(example("lehr data report clean --tokenizer tokenizer -o clean.html"));
  report.run([&options, reporting] { write_report(options, *reporting); });
}

}  // namespace lehr::cli
