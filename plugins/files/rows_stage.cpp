#include "rows_stage.h"

#include <optional>
#include <set>

#include "text/document_summary.h"

namespace lehr::plugins::files {
namespace {

std::vector<Source> json_lines(const std::vector<std::string>& patterns, std::string_view parameter,
                               const Context& context) {
  auto sources =
      find_sources(patterns, parameter, [&](const std::string& text) { context.warning(text); });
  for (const Source& source : sources)
    if (source.format != Format::json_lines)
      throw Error(std::string(parameter) + ": '" + source.path.string() +
                  "' is not JSON Lines (.jsonl or .ndjson)");
  return sources;
}

std::vector<std::filesystem::path> paths_of(const std::vector<Source>& sources) {
  std::vector<std::filesystem::path> paths;
  for (const Source& source : sources) paths.push_back(source.path);
  return paths;
}

// What an error says behind the place.
std::string_view behind(std::string_view where, std::string_view message) {
  if (message.starts_with(where)) message.remove_prefix(where.size());
  if (message.starts_with(": ")) message.remove_prefix(2);
  return message;
}

}  // namespace

void RowsStage::describe(Description& d) {
  d.summary("brings your own " + type_ + " (JSON Lines, plain, .gz or .zst), every row checked");
  d.output(type_, type_);
  d.list("train", train_, "input_path").help("files, folders or globs to train on");
  d.list("eval", eval_, "input_path").help("the same, for evaluation");
  d.real("eval_fraction", eval_fraction_)
      .range(0, 1)
      .help("share of the rows in 'train' held out for evaluation; equal prompts stay together");
  d.choice("malformed", malformed_, {"error", "drop"})
      .help("what to do with rows that break the rules of their type");
}

void RowsStage::check() {
  if (train_.empty() && eval_.empty()) throw Error("give at least one file in 'train' or 'eval'");
}

void RowsStage::run(Context& context) {
  const std::filesystem::path folder = context.output(type_);
  std::optional<text::JsonLinesWriter> writers[2];  // train, eval
  text::DocumentSummary summary;
  std::uint64_t rows = 0;
  const auto copy = [&](const std::vector<Source>& sources, bool evaluation) {
    text::JsonLinesReader reader(paths_of(sources));
    for (std::string_view row; reader.next(row);) {
      summary.read(row);
      const std::string where = reader.where();
      std::string asked;
      try {
        asked = check_row(row, where);
      } catch (const Error& e) {
        if (malformed_ == "error") throw;
        summary.drop("malformed", sources[reader.file()].name + ":" + std::to_string(reader.line()),
                     behind(where, e.what()));
        continue;
      }
      summary.keep(row);
      const bool held_out = evaluation || text::is_held_out(asked, eval_fraction_);
      auto& writer = writers[held_out];
      if (!writer) writer.emplace(folder / (held_out ? "eval-00000.jsonl" : "train-00000.jsonl"));
      writer->write(row);
      if (++rows % 1024 != 0) continue;
      context.progress(rows, 0, "rows");
      if (context.cancelled()) throw Cancelled();
    }
  };
  copy(json_lines(train_, "train", context), false);
  copy(json_lines(eval_, "eval", context), true);
  if (rows == 0) {
    summary.report_drops(context);  // which say why
    throw Error("the files hold no valid row");
  }
  for (auto& writer : writers)
    if (writer) writer->close();
  if (!writers[0]) context.warning("there is no row to train on, only for evaluation");
  const auto count = [&](int i) {
    return writers[i] ? static_cast<double>(writers[i]->rows()) : 0;
  };
  context.result("rows_train", count(0));
  context.result("rows_eval", count(1));
  if (summary.drops().empty()) context.result("dropped/malformed", 0);
  summary.report_drops(context);
  summary.write(folder);
}

std::string Conversations::check_row(std::string_view json, std::string_view where) {
  text::Conversation row;
  text::parse_row(json, where, row);
  text::Prompt asked;
  for (const text::Message& message : row.messages) {
    if (message.role == "assistant") break;
    asked.prompt.push_back(message);
  }
  return text::to_json(asked);
}

void Probes::describe(Description& d) {
  d.summary("brings your own probes (JSON Lines, plain, .gz or .zst), every row checked");
  d.output("probes", "probes");
  d.list("paths", paths_, "input_path").required().help("files, folders or globs");
}

void Probes::run(Context& context) {
  text::JsonLinesReader reader(paths_of(json_lines(paths_, "paths", context)));
  text::JsonLinesWriter writer(context.output("probes") / "probes.jsonl");
  std::set<std::string> ids;
  for (std::string_view row; reader.next(row);) {
    text::Probe probe;
    text::parse_row(row, reader.where(), probe);
    if (!ids.insert(probe.id).second)
      throw Error(reader.where() + ": the id '" + probe.id + "' was used before");
    writer.write(row);
  }
  if (ids.empty()) throw Error("the files hold no probe");
  writer.close();
  context.result("probes", static_cast<double>(ids.size()));
}

}  // namespace lehr::plugins::files
