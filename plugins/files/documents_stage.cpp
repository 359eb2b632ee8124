#include "documents_stage.h"

#include <optional>

#include "sources.h"
#include "text/documents.h"
#include "text_documents.h"

namespace lehr::plugins::files {
namespace {

text::DocumentOptions options_of(const std::string& text_field, const std::string& id_field,
                                 const std::string& invalid_utf8, const std::string& malformed) {
  text::DocumentOptions options;
  options.text_field = text_field;
  options.id_field = id_field;
  if (invalid_utf8 == "replace") options.invalid_utf8 = text::InvalidUtf8::replace;
  if (invalid_utf8 == "drop") options.invalid_utf8 = text::InvalidUtf8::drop;
  if (malformed == "drop") options.malformed = text::Malformed::drop;
  return options;
}

// Goes over all files and hands their documents to the writers.
class Collection {
 public:
  Collection(Context& context, text::DocumentOptions options, std::string text_unit)
      : context_(context),
        options_(std::move(options)),
        text_unit_(std::move(text_unit)),
        folder_(context.output("documents")) {}

  // `fraction` of the documents go to evaluation.
  void add(const std::vector<Source>& sources, double fraction, bool evaluation) {
    for (const Source& source : sources) {
      const auto put = [&](const text::Document& document) {
        const bool held_out = evaluation || is_held_out(document.text, fraction);
        writer(held_out).write(document);
        if (++documents_ % 1024 == 0) pause(source.name);
      };
      if (source.format == Format::text)
        read_text(source, put);
      else
        read_json_lines(source, put);
    }
  }

  void finish() {
    std::uint64_t train = 0, eval = 0, bytes = 0;
    for (auto* writer : {&train_, &eval_}) {
      if (!*writer) continue;
      (*writer)->close();
      (writer == &train_ ? train : eval) = (*writer)->documents();
      bytes += (*writer)->text_bytes();
    }
    if (train + eval == 0) throw Error("the files hold no document");
    if (train == 0) context_.warning("there is no document to train on, only for evaluation");
    context_.result("documents_train", static_cast<double>(train));
    context_.result("documents_eval", static_cast<double>(eval));
    context_.result("text_bytes", static_cast<double>(bytes));
    context_.result("dropped/malformed", static_cast<double>(counts_.malformed_dropped));
    context_.result("dropped/invalid_utf8", static_cast<double>(counts_.invalid_utf8_dropped));
    context_.result("replaced/invalid_utf8", static_cast<double>(counts_.invalid_utf8_replaced));
  }

 private:
  template <class Put>
  void read_json_lines(const Source& source, Put put) {
    text::DocumentReader reader({source.path}, options_);
    std::string id;
    for (text::Document document; reader.next(document);) {
      if (document.id.empty()) {
        const std::string where = reader.where();
        document.id = id = source.name + where.substr(where.rfind(':'));
      }
      put(document);
    }
    counts_ += reader.counts();
  }

  template <class Put>
  void read_text(const Source& source, Put put) {
    TextDocuments reader(source.path, text_unit_, options_.invalid_utf8);
    for (std::string_view text; reader.next(text);) {
      const std::string id =
          text_unit_ == "file" ? source.name : source.name + ":" + std::to_string(reader.line());
      put(text::Document{id, text, {}});
    }
    counts_.invalid_utf8_dropped += reader.dropped();
    counts_.invalid_utf8_replaced += reader.replaced();
  }

  text::DocumentWriter& writer(bool evaluation) {
    auto& slot = evaluation ? eval_ : train_;
    if (!slot) slot.emplace(folder_, evaluation ? "eval" : "train");
    return *slot;
  }

  void pause(const std::string& note) {
    context_.progress(documents_, 0, "documents", note);
    if (context_.cancelled()) throw Cancelled();
  }

  Context& context_;
  const text::DocumentOptions options_;
  const std::string text_unit_;
  const std::filesystem::path folder_;
  std::optional<text::DocumentWriter> train_, eval_;
  text::DocumentCounts counts_;
  std::uint64_t documents_ = 0;
};

}  // namespace

void Documents::describe(Description& d) {
  d.summary("brings your own text files: .jsonl, .ndjson and .txt, plain, .gz or .zst");
  d.output("documents", "documents");
  d.list("train", train_, "input_path").help("files, folders or globs to train on");
  d.list("eval", eval_, "input_path").help("the same, for evaluation");
  d.real("eval_fraction", eval_fraction_)
      .range(0, 1)
      .help("share of the documents in 'train' that are held out for evaluation, by their text");
  d.text("text_field", text_field_).help("member of a JSON row that holds the text");
  d.text("id_field", id_field_).help("member that names it; without one: file and line");
  d.choice("text_unit", text_unit_, {"file", "paragraph", "line"})
      .help("what one document is in .txt files");
  d.choice("invalid_utf8", invalid_utf8_, {"error", "replace", "drop"})
      .help("what to do with text that is not valid UTF-8");
  d.choice("malformed", malformed_, {"error", "drop"})
      .help("what to do with rows that are not JSON or have no text");
}

void Documents::check() {
  if (train_.empty() && eval_.empty()) throw Error("give at least one file in 'train' or 'eval'");
}

void Documents::run(Context& context) {
  Collection collection(context, options_of(text_field_, id_field_, invalid_utf8_, malformed_),
                        text_unit_);
  collection.add(find_sources(train_, "train"), eval_fraction_, false);
  collection.add(find_sources(eval_, "eval"), 0, true);
  collection.finish();
}

}  // namespace lehr::plugins::files
