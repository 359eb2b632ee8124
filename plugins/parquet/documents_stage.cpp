#include "documents_stage.h"

#include <unordered_set>

#include "parquet_documents.h"
#include "text/document_collection.h"
#include "text/matching_files.h"

namespace lehr::plugins::parquet {
namespace {

// The files of all patterns, each pattern's sorted, none twice; in a folder those called .parquet.
void add_sources(std::vector<Source>& sources, const std::vector<std::string>& patterns,
                 const std::string& parameter, bool evaluation, const Context& context) {
  std::unordered_set<std::string> known;
  for (const std::string& pattern : patterns) {
    const bool folder = std::filesystem::is_directory(pattern);
    const auto base = text::fixed_folder(pattern);
    bool found = false;
    std::vector<std::filesystem::path> passed_over;
    for (const auto& path : text::matching_files(pattern)) {
      if (folder && !text::has_ending(path.native(), ".parquet")) {
        passed_over.push_back(path);
        continue;
      }
      found = true;
      if (known.insert(path.native()).second)
        sources.push_back({path, text::name_below(base, path), evaluation});
    }
    if (!found) throw Error(parameter + ": '" + pattern + "' matches no Parquet file");
    if (!passed_over.empty())
      context.warning(parameter + ": " + text::passed_over(pattern, passed_over) +
                      "; files.documents reads .jsonl, .txt, .csv and .tsv");
  }
}

}  // namespace

void Documents::describe(Description& d) {
  d.summary("brings the text of Parquet files, batch by batch in bounded memory");
  d.output("documents", "documents");
  d.list("train", train_, "input_path").help("files, folders or globs to train on");
  d.list("eval", eval_, "input_path").help("the same, for evaluation");
  d.real("eval_fraction", eval_fraction_)
      .range(0, 1)
      .help("share of the documents in 'train' that are held out for evaluation, by their text");
  d.text("text_field", text_field_).help("column that holds the text");
  d.text("id_field", id_field_).help("column that names the document; without one: file and row");
  d.choice("columns", columns_, {"plain", "listed"})
      .help("which other columns stay: all with text, numbers or booleans, or those in 'fields'");
  d.list("fields", fields_, "string").help("with 'columns: listed': the columns that stay");
  d.choice("invalid_utf8", invalid_utf8_, {"error", "replace", "drop"})
      .help("what to do with text that is not valid UTF-8");
  d.choice("malformed", malformed_, {"error", "drop"})
      .help("what to do with rows whose text is null or too long");
  d.bytes("max_document_bytes", max_document_bytes_)
      .range(1 << 10, text::kMaxDocumentBytes)
      .help("a longer row is malformed");
  d.bytes("max_page_bytes", max_page_bytes_)
      .range(1 << 20, 1ll << 31)
      .no_effect()
      .help("a decompressed page that says it is longer is an error; this bounds the memory");
  d.bytes("shard_bytes", shard_bytes_)
      .at_least(1)
      .help("compressed bytes after which another output file begins");
  d.bytes("commit_every", commit_every_)
      .at_least(1)
      .no_effect()
      .help("text between two durable states; a killed stage repeats at most this much");
}

void Documents::check() {
  if (train_.empty() && eval_.empty()) throw Error("give at least one file in 'train' or 'eval'");
  if (columns_ == "plain" && !fields_.empty()) throw Error("'fields' needs columns: listed");
}

void Documents::run(Context& context) {
  Rules rules;
  rules.options.text_field = text_field_;
  rules.options.id_field = id_field_;
  if (invalid_utf8_ == "replace") rules.options.invalid_utf8 = text::InvalidUtf8::replace;
  if (invalid_utf8_ == "drop") rules.options.invalid_utf8 = text::InvalidUtf8::drop;
  if (malformed_ == "drop") rules.options.malformed = text::Malformed::drop;
  rules.fields = fields_;
  rules.all_fields = columns_ == "plain";
  rules.max_document_bytes = static_cast<std::uint64_t>(max_document_bytes_);
  rules.max_page_bytes = static_cast<std::uint64_t>(max_page_bytes_);
  std::vector<Source> sources;
  add_sources(sources, train_, "train", false, context);
  add_sources(sources, eval_, "eval", true, context);
  ParquetDocuments documents(std::move(sources), std::move(rules));
  text::CollectionOptions options;
  options.eval_fraction = eval_fraction_;
  options.shard_bytes = static_cast<std::uint64_t>(shard_bytes_);
  options.commit_every = static_cast<std::uint64_t>(commit_every_);
  text::DocumentCollection(context, documents, options).run();
}

}  // namespace lehr::plugins::parquet
