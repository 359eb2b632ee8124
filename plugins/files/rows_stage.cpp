#include "rows_stage.h"

#include <functional>
#include <optional>
#include <set>

#include "text/document_summary.h"
#include "text/matching_files.h"

namespace lehr::plugins::files {
namespace {

constexpr double kLookBytes = 16 << 20;  // of rows, for an estimate

std::vector<Source> json_lines(const std::vector<std::string>& patterns, std::string_view parameter,
                               const std::function<void(const std::string&)>& warn) {
  auto sources = find_sources(patterns, parameter, warn);
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

// Bytes of all files; 0 if one is compressed, which does not tell how much it holds.
double plain_bytes(const std::vector<Source>& sources) {
  double sum = 0;
  for (const Source& source : sources) {
    if (text::has_ending(source.name, ".gz") || text::has_ending(source.name, ".zst")) return 0;
    sum += static_cast<double>(std::filesystem::file_size(source.path));
  }
  return sum;
}

template <class Row>
bool add_row(std::string_view json, text::RowCounts& counts) {
  Row row;
  text::parse_row(json, "", row);
  counts.add(row);
  return true;
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
  const auto silent = [](const std::string&) {};
  json_lines(train_, "train", silent);  // of another form: told before a run begins
  json_lines(eval_, "eval", silent);
}

// Rows that break a rule are for the run to report.
void RowsStage::estimate(const std::vector<Input>&, Estimate& out) {
  const auto sources = json_lines(train_, "train", [](const std::string&) {});
  text::JsonLinesReader reader(paths_of(sources));
  text::RowCounts counts;
  double looked_at = 0;
  for (std::string_view row; reader.next(row);) {
    if (looked_at >= kLookBytes) {
      const double all = plain_bytes(sources);
      if (all == 0) return;
      counts.scale(all / looked_at);
      break;
    }
    looked_at += static_cast<double>(row.size() + 1);
    try {
      if (text::is_held_out(check_row(row, "").asked, eval_fraction_)) continue;
      if (!count_row(row, counts)) return;
    } catch (const Error&) {
    }
  }
  out.outputs[type_] = counts.facts();
}

void RowsStage::run(Context& context) {
  const std::filesystem::path folder = context.output(type_);
  const auto warn = [&](const std::string& text) { context.warning(text); };
  std::optional<text::JsonLinesWriter> writers[2];  // train, eval
  text::DocumentSummary summary;
  std::uint64_t rows = 0, rewritten = 0;
  const auto copy = [&](const std::vector<Source>& sources, bool evaluation) {
    text::JsonLinesReader reader(paths_of(sources));
    for (std::string_view row; reader.next(row);) {
      summary.read(row);
      const std::string where = reader.where();
      Checked checked;
      try {
        checked = check_row(row, where);
      } catch (const Error& e) {
        if (malformed_ == "error") throw;
        summary.drop("malformed", sources[reader.file()].name + ":" + std::to_string(reader.line()),
                     behind(where, e.what()));
        continue;
      }
      if (!checked.own.empty()) {
        row = checked.own;
        ++rewritten;
      }
      summary.keep(row);
      const bool held_out = evaluation || text::is_held_out(checked.asked, eval_fraction_);
      auto& writer = writers[held_out];
      if (!writer) writer.emplace(folder / (held_out ? "eval-00000.jsonl" : "train-00000.jsonl"));
      writer->write(row);
      if (++rows % 1024 != 0) continue;
      context.progress(rows, 0, "rows");
      if (context.cancelled()) throw Cancelled();
    }
  };
  std::vector<Source> sources = json_lines(train_, "train", warn);
  const auto evaluation = json_lines(eval_, "eval", warn);
  warn_of_shared(sources, evaluation, warn);
  copy(sources, false);
  copy(evaluation, true);
  if (rows == 0) {
    summary.report_drops(context);  // which say why
    sources.insert(sources.end(), evaluation.begin(), evaluation.end());
    throw Error("there is no valid row in " + named(sources));
  }
  for (auto& writer : writers)
    if (writer) writer->close();
  if (rewritten > 0)
    context.info(std::to_string(rewritten) + " of " + std::to_string(rows) +
                 " rows have another form than Lehr's and are written in that");
  if (!writers[0]) context.warning("there is no row to train on, only for evaluation");
  if (!writers[1] && eval_fraction_ > 0)
    context.warning(
        "no row is held out: the rows ask few different things, and by chance none of "
        "them is in the share " +
        json_number(eval_fraction_) + ". Raise eval_fraction, or name files in 'eval'");
  const auto count = [&](int i) {
    return writers[i] ? static_cast<double>(writers[i]->rows()) : 0;
  };
  context.result("rows_train", count(0));
  context.result("rows_eval", count(1));
  if (summary.drops().empty()) context.result("dropped/malformed", 0);
  summary.report_drops(context);
  summary.write(folder);
}

void Preferences::check_pair(const text::Preference& row, std::string_view where) const {
  if (row.chosen == row.rejected)
    throw Error(std::string(where) +
                ": 'chosen' and 'rejected' are the same, so there is nothing to learn");
}

RowsStage::Checked Conversations::check_row(std::string_view json, std::string_view where) {
  text::Conversation row;
  Checked checked = read_row(json, where, row);
  text::Prompt asked;
  for (const text::Message& message : row.messages) {
    if (message.role == "assistant") break;
    asked.prompt.push_back(message);
  }
  checked.asked = text::to_json(asked);
  return checked;
}

bool Conversations::count_row(std::string_view json, text::RowCounts& counts) {
  return add_row<text::Conversation>(json, counts);
}

bool Preferences::count_row(std::string_view json, text::RowCounts& counts) {
  return add_row<text::Preference>(json, counts);
}

bool Feedback::count_row(std::string_view json, text::RowCounts& counts) {
  return add_row<text::Feedback>(json, counts);
}

void Probes::describe(Description& d) {
  d.summary("brings your own probes (JSON Lines, plain, .gz or .zst), every row checked");
  d.output("probes", "probes");
  d.list("paths", paths_, "input_path").required().help("files, folders or globs");
}

void Probes::run(Context& context) {
  const auto warn = [&](const std::string& text) { context.warning(text); };
  const auto files = paths_of(json_lines(paths_, "paths", warn));
  text::JsonLinesReader reader(files);
  text::JsonLinesWriter writer(context.output("probes") / "probes.jsonl");
  std::set<std::string> ids;
  for (std::string_view row; reader.next(row);) {
    text::Probe probe;
    const bool own = text::parse_row(row, reader.where(), probe);
    if (!ids.insert(probe.id).second)
      throw Error(reader.where() + ": the id '" + probe.id + "' was used before");
    writer.write(own ? std::string(row) : text::own_row(probe, row));
  }
  if (ids.empty()) throw Error("there is no probe in " + text::named_files(files));
  writer.close();
  context.result("probes", static_cast<double>(ids.size()));
}

}  // namespace lehr::plugins::files
