#include "piece_reader.h"

#include <lehr/value.h>

#include <algorithm>

#include "text/utf8_repair.h"

namespace lehr::plugins::files {
namespace {

constexpr std::size_t kMaxHeader = 1 << 20;

std::string join(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "'" : ", '") + name + "'";
  return text::beginning(out, 400);
}

// The default is there to be found or not.
bool names_an_id(const text::DocumentOptions& options) {
  return options.id_field != text::DocumentOptions().id_field;
}

}  // namespace

PieceReader::PieceReader(DocumentRules rules)
    : rules_(std::move(rules)), json_(rules_.options), text_(rules_.text_records) {}

std::string PieceReader::place(std::uint64_t line) const {
  return source_->name + ":" + std::to_string(line);
}

void PieceReader::read(const SourceBlock& block, const Piece& piece, const Source& source,
                       text::CollectionTally& tally, const Put& put) {
  source_ = &source;
  tally_ = &tally;
  put_ = &put;
  const std::string_view bytes = block.bytes(piece);
  if (source.format == Format::json_lines) return read_json(bytes, piece.first_line);
  if (source.format == Format::text) return read_text(bytes, piece.first_line);
  read_csv(bytes, piece.first_line);
}

void PieceReader::read_json(std::string_view bytes, std::uint64_t first_line) {
  json_.start(bytes, first_line, source_->path.string());
  text::Document document;
  for (std::string_view line; json_.next(document, line);) {
    tally_->summary.read(document.text);
    if (document.id.empty()) {
      document.id = id_ = place(json_.line_number());
      tally_->without_id += names_an_id(rules_.options);
    }
    (*put_)(document);
  }
  const text::DocumentCounts counts = json_.take_counts();
  tally_->replaced += counts.invalid_utf8_replaced;
  const std::pair<const char*, std::uint64_t> dropped[] = {
      {"malformed", counts.malformed_dropped}, {"invalid_utf8", counts.invalid_utf8_dropped}};
  for (const auto& [reason, count] : dropped) {
    std::uint64_t left = count;
    for (const auto& example : counts.examples)
      if (std::string_view(example.reason) == reason) {
        tally_->summary.drop(reason, place(example.line), example.what);
        --left;
      }
    tally_->summary.drop_more(reason, left);
  }
}

void PieceReader::read_text(std::string_view bytes, std::uint64_t first_line) {
  text_.start(bytes, first_line);
  for (std::string_view text; text_.next(text);) {
    id_ = rules_.text_records == Records::whole ? source_->name : place(text_.line());
    admit(id_, text, {}, text_.line());
  }
}

// The first row of a file, wherever in the file the piece stands.
void PieceReader::read_columns() {
  text::DecodedFile file(source_->path, rules_.encoding);
  std::string head(kMaxHeader, '\0');
  head.resize(file.read(head.data(), head.size()));
  const char delimiter = delimiter_of(source_->format);
  const std::size_t blank = std::min(head.find_first_not_of("\r\n"), head.size());
  const auto end =
      RecordEnds(Records::csv, delimiter).scan(std::string_view(head).substr(blank)).first;
  if (end == RecordEnds::kNone && head.size() == kMaxHeader)
    throw Error(source_->path.string() +
                ":1: the first row, which names the columns, is longer "
                "than 1 MiB");
  if (end != RecordEnds::kNone) head.resize(blank + end);
  CsvRows rows(delimiter);
  rows.start(head, 1);
  std::vector<std::string_view> fields;
  columns_ = {source_->path, 1, {}, 0, std::nullopt};
  if (!rows.next(fields)) return;  // there is no row
  const std::string here = source_->path.string() + ":" + std::to_string(rows.line()) + ": ";
  if (!rows.problem().empty()) throw Error(here + std::string(rows.problem()));
  columns_.line = rows.line();
  columns_.names.assign(fields.begin(), fields.end());
  auto sorted = columns_.names;
  std::sort(sorted.begin(), sorted.end());
  if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
    throw Error(here + "two columns are called '" + *twice + "'");
  const auto find = [&](const std::string& name) -> std::optional<std::size_t> {
    const auto found = std::find(columns_.names.begin(), columns_.names.end(), name);
    if (found == columns_.names.end()) return std::nullopt;
    return static_cast<std::size_t>(found - columns_.names.begin());
  };
  const auto text = find(rules_.options.text_field);
  if (!text)
    throw Error(here + "there is no column '" + rules_.options.text_field + "'; the columns are " +
                join(columns_.names) + ". Set text_field");
  const std::string listed = join(columns_.names);
  columns_.text = *text;
  columns_.id = find(rules_.options.id_field);
  for (std::size_t i = 0; i < columns_.names.size(); ++i) {
    std::string& name = columns_.names[i];
    const std::string kept(text::kept_name(name));
    if (i == columns_.text || i == columns_.id || kept == name) continue;
    if (find(kept))
      throw Error(here + "there are columns '" + name + "' and '" + kept +
                  "', which the former would become");
    name = kept;
  }
  if (!columns_.id && names_an_id(rules_.options))
    throw Error(here + "there is no column '" + rules_.options.id_field +
                "', which id_field names; the columns are " + listed);
}

void PieceReader::read_csv(std::string_view bytes, std::uint64_t first_line) {
  if (columns_.file != source_->path) read_columns();
  CsvRows rows(delimiter_of(source_->format));
  rows.start(bytes, first_line);
  std::vector<std::string_view> row;
  while (rows.next(row)) {
    if (rows.line() == columns_.line) continue;  // the names
    const std::size_t wanted = columns_.names.size();
    if (!rows.problem().empty()) {
      reject("malformed", rows.line(), std::string(rows.problem()));
    } else if (row.size() != wanted) {
      reject("malformed", rows.line(),
             "the row has " + std::to_string(row.size()) + " fields, not " +
                 std::to_string(wanted) + " as the first row");
    } else {
      fields_.clear();
      for (std::size_t i = 0; i < wanted; ++i) {
        if (i == columns_.text || i == columns_.id) continue;
        fields_ += fields_.empty() ? '{' : ',';
        text::append_json_string(fields_, columns_.names[i]);
        fields_ += ':';
        text::append_json_string(fields_, row[i]);
      }
      if (!fields_.empty()) fields_ += '}';
      admit(columns_.id ? row[*columns_.id] : "", row[columns_.text], fields_, rows.line());
    }
  }
}

void PieceReader::admit(std::string_view id, std::string_view text, std::string_view fields,
                        std::uint64_t line) {
  text::Document document{id, text, fields};
  std::string_view* parts[] = {&document.id, &document.text, &document.fields};
  for (const auto* part : parts)
    if (part->find('\0') != part->npos) {
      reject("malformed", line, "a NUL byte stands in the text; is the file text at all?");
      return;
    }
  bool invalid = false;
  for (std::size_t i = 0; i < 3; ++i) {
    if (text::is_valid_utf8(*parts[i])) continue;
    if (rules_.options.invalid_utf8 != text::InvalidUtf8::replace) {
      reject("invalid_utf8", line, "the document that begins here is not valid UTF-8");
      return;
    }
    *parts[i] = repaired_[i] = text::replace_invalid_utf8(*parts[i]);
    invalid = true;
  }
  tally_->replaced += invalid;
  if (document.id.empty()) document.id = id_ = place(line);
  tally_->summary.read(document.text);
  (*put_)(document);
}

void PieceReader::reject(const char* reason, std::uint64_t line, const std::string& what) {
  const bool malformed = std::string_view(reason) == "malformed";
  const bool drop = malformed ? rules_.options.malformed == text::Malformed::drop
                              : rules_.options.invalid_utf8 == text::InvalidUtf8::drop;
  if (!drop)
    throw Error(source_->path.string() + ":" + std::to_string(line) + ": " + what + "; set " +
                (malformed ? "malformed to 'drop'"
                           : "invalid_utf8 to 'replace' or 'drop', or name the file's encoding,") +
                " to go on");
  tally_->summary.drop(reason, place(line), what);
}

}  // namespace lehr::plugins::files
