#include "documents_stage.h"

#include "file_documents.h"
#include "text/document_collection.h"
#include "text/json_lines.h"

namespace lehr::plugins::files {

void Documents::describe(Description& d) {
  d.summary("brings your own text: .jsonl, .ndjson, .txt, .csv and .tsv, plain, .gz or .zst");
  d.output("documents", "documents");
  d.list("train", train_, "input_path").help("files, folders or globs to train on");
  d.list("eval", eval_, "input_path").help("the same, for evaluation");
  d.real("eval_fraction", eval_fraction_)
      .range(0, 1)
      .help("share of the documents in 'train' that are held out for evaluation, by their text");
  d.text("text_field", text_field_)
      .help("member of a JSON row, or column of a CSV file, that holds the text");
  d.text("id_field", id_field_).help("what names the document; without one: file and line");
  d.choice("text_unit", text_unit_, {"file", "paragraph", "line"})
      .help("what one document is in .txt files");
  d.choice("encoding", encoding_, {"utf-8", "utf-16", "latin-1", "windows-1252"})
      .help("what the files are written in");
  d.choice("invalid_utf8", invalid_utf8_, {"error", "replace", "drop"})
      .help("what to do with text that is not valid UTF-8");
  d.choice("malformed", malformed_, {"error", "drop"})
      .help("what to do with rows that cannot be read, have no text, or are too long");
  d.bytes("max_document_bytes", max_document_bytes_)
      .range(1 << 10, text::kMaxDocumentBytes)
      .help("a longer row or text is malformed; this bounds the memory");
  d.bytes("shard_bytes", shard_bytes_)
      .at_least(1)
      .help("compressed bytes after which another output file begins");
  d.bytes("commit_every", commit_every_)
      .at_least(1)
      .no_effect()
      .help("input between two durable states; a killed stage repeats at most this much");
}

void Documents::check() {
  if (train_.empty() && eval_.empty()) throw Error("give at least one file in 'train' or 'eval'");
  find_sources(train_, "train");  // of unknown form: told before a run begins
  find_sources(eval_, "eval");
}

void Documents::run(Context& context) {
  text::CollectionOptions options;
  options.eval_fraction = eval_fraction_;
  options.shard_bytes = static_cast<std::uint64_t>(shard_bytes_);
  options.commit_every = static_cast<std::uint64_t>(commit_every_);
  DocumentRules rules;
  ReadingRules reading;
  rules.options.text_field = text_field_;
  rules.options.id_field = id_field_;
  rules.options.text_missing = "Set text_field";
  rules.options.malformed_advice = "; set malformed to 'drop' to go on";
  if (invalid_utf8_ == "replace") rules.options.invalid_utf8 = text::InvalidUtf8::replace;
  if (invalid_utf8_ == "drop") rules.options.invalid_utf8 = text::InvalidUtf8::drop;
  if (malformed_ == "drop") rules.options.malformed = text::Malformed::drop;
  rules.encoding = reading.encoding = text::encoding_from_name(encoding_);
  rules.text_records = reading.text_records = text_unit_ == "line"        ? Records::lines
                                              : text_unit_ == "paragraph" ? Records::paragraphs
                                                                          : Records::whole;
  reading.max_record_bytes = static_cast<std::size_t>(max_document_bytes_);
  reading.drop_too_long = malformed_ == "drop";
  reading.threads = context.threads();
  const auto warn = [&](const std::string& text) { context.warning(text); };
  auto train = find_sources(train_, "train", warn), eval = find_sources(eval_, "eval", warn);
  warn_of_shared(train, eval, warn);
  FileDocuments documents(std::move(train), std::move(eval), reading, rules);
  text::DocumentCollection(context, documents, options).run();
  if (eval_fraction_ > 0 && text::data_files(context.output("documents"), "eval").empty())
    warn("no document is held out: there are few, and by chance none of them is in the share " +
         json_number(eval_fraction_) + ". Raise eval_fraction, or name files in 'eval'");
}

}  // namespace lehr::plugins::files
