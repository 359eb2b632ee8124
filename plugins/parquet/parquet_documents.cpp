#include "parquet_documents.h"

#include <lehr/value.h>
#include <parquet/exception.h>

#include <system_error>
#include <utility>

#include "text/matching_files.h"
#include "text/utf8_repair.h"

namespace lehr::plugins::parquet {
namespace {

constexpr std::uint64_t kBlockBytes = 8 << 20;
constexpr std::size_t kMostBlockRows = 1 << 18;  // without text they would never fill a block

std::uint64_t size_of(const Source& source) {
  std::error_code error;
  const auto size = std::filesystem::file_size(source.path, error);
  return error ? 0 : size;  // one that is missing fails when its turn comes
}

// What an exception of Arrow's says is wrong.
std::string what_of(const ::parquet::ParquetException& e) {
  const auto* with_status = dynamic_cast<const ::parquet::ParquetStatusException*>(&e);
  return with_status != nullptr ? with_status->status().message() : e.what();
}

}  // namespace

ParquetDocuments::ParquetDocuments(std::vector<Source> sources, Rules rules)
    : sources_(std::move(sources)), rules_(std::move(rules)) {
  for (const Source& source : sources_) total_bytes_ += size_of(source);
}

ParquetDocuments::~ParquetDocuments() = default;

// Opens the next file if none is open; false behind the last.
bool ParquetDocuments::need_file() {
  if (file_) return true;
  if (next_source_ == sources_.size()) return false;
  position_ = {next_source_, 0, 1};
  file_ = std::make_unique<ParquetFile>(sources_[next_source_].path, rules_, pool_);
  ++next_source_;
  return true;
}

void ParquetDocuments::end_file() {
  finished_bytes_ += size_of(sources_[position_.source]);
  file_.reset();
  position_ = {next_source_, 0, 1};
}

bool ParquetDocuments::next(Block& block) try {
  block.batches.clear();
  block.bytes = 0;
  for (std::size_t rows = 0; block.bytes < kBlockBytes && rows < kMostBlockRows && need_file();) {
    RowBatch batch = file_->read(kBlockBytes - block.bytes, kMostBlockRows - rows);
    if (batch.rows == 0) {
      end_file();
      continue;
    }
    rows += batch.rows;
    block.bytes += batch.bytes;
    const std::uint64_t first = position_.offset + 1;
    position_.offset += batch.rows;
    block.batches.push_back({position_.source, first, std::move(batch)});
  }
  block.end = position_;
  return !block.batches.empty();
} catch (const ::parquet::ParquetException& e) {
  throw Error(sources_[position_.source].path.string() + ": " + what_of(e));
}

void ParquetDocuments::resume(const text::CollectionPosition& position) try {
  for (std::size_t i = 0; i < position.source && i < sources_.size(); ++i)
    finished_bytes_ += size_of(sources_[i]);
  next_source_ = position.source;
  position_ = position;
  if (position.offset == 0 || next_source_ == sources_.size()) return;
  file_ = std::make_unique<ParquetFile>(sources_[next_source_++].path, rules_, pool_);
  file_->skip(position.offset);
} catch (const ::parquet::ParquetException& e) {
  throw Error(sources_[position.source].path.string() + ": " + what_of(e));
}

std::uint64_t ParquetDocuments::position() const {
  if (!file_) return finished_bytes_;
  const auto size = static_cast<double>(size_of(sources_[position_.source]));
  return finished_bytes_ + static_cast<std::uint64_t>(size * file_->progress());
}

std::string ParquetDocuments::named() const {
  std::vector<std::filesystem::path> paths;
  for (const Source& source : sources_) paths.push_back(source.path);
  return text::named_files(paths);
}

void ParquetDocuments::read(Worker& worker, const Block& block, text::CollectionTally& tally,
                            const Put& put) const {
  for (const Batch& batch : block.batches)
    for (std::size_t row = 0; row < batch.rows.rows; ++row)
      read_row(worker, batch, row, tally, put);
}

void ParquetDocuments::read_row(Worker& worker, const Batch& batch, std::size_t row,
                                text::CollectionTally& tally, const Put& put) const {
  const Source& source = sources_[batch.source];
  const Columns& columns = *batch.rows.columns;
  const std::string number = ":" + std::to_string(batch.first_row + row);
  const auto reject = [&](const char* reason, const std::string& what, bool drop,
                          const char* advice) {
    if (!drop) throw Error(source.path.string() + number + ": " + what + "; set " + advice);
    tally.summary.drop(reason, source.name + number, what);
  };
  const bool drop = rules_.options.malformed == text::Malformed::drop;
  const ColumnValues& texts = batch.rows.values[columns.text];
  if (texts.is_null(row))
    return reject("malformed", "the text is null", drop, "malformed to 'drop' to go on");
  text::Document document;
  document.text = texts.text(row);
  const auto too_long = [&](const char* what) {
    reject("too_long",
           std::string("the ") + what + " has more than " +
               std::to_string(rules_.max_document_bytes) + " bytes",
           drop, "max_document_bytes higher, or malformed to 'drop'");
  };
  if (document.text.size() > rules_.max_document_bytes) return too_long("text");
  worker.id.clear();
  worker.fields.clear();
  for (std::size_t i = 0; i < columns.names.size(); ++i) {
    if (i == columns.text) continue;
    const ColumnValues& other = batch.rows.values[i];
    if (i == columns.id) {
      if (!other.is_null(row) && other.is_text())
        worker.id = other.text(row);
      else if (!other.is_null(row))
        other.append_json(worker.id, row);
    } else {
      worker.fields += worker.fields.empty() ? '{' : ',';
      text::append_json_string(worker.fields, text::kept_name(columns.names[i]));
      worker.fields += ':';
      other.append_json(worker.fields, row);
    }
  }
  if (!worker.fields.empty()) worker.fields += '}';
  if (document.text.size() + worker.id.size() + worker.fields.size() > rules_.max_document_bytes)
    return too_long("row");
  if (!text::is_valid_utf8(document.text) || !text::is_valid_utf8(worker.id) ||
      !text::is_valid_utf8(worker.fields)) {
    if (rules_.options.invalid_utf8 != text::InvalidUtf8::replace)
      return reject("invalid_utf8", "the row is not valid UTF-8",
                    rules_.options.invalid_utf8 == text::InvalidUtf8::drop,
                    "invalid_utf8 to 'replace' or 'drop' to go on");
    document.text = worker.repaired = text::replace_invalid_utf8(document.text);
    worker.id = text::replace_invalid_utf8(worker.id);
    worker.fields = text::replace_invalid_utf8(worker.fields);
    ++tally.replaced;
  }
  if (worker.id.empty()) worker.id = source.name + number;
  document.id = worker.id;
  document.fields = worker.fields;
  tally.summary.read(document.text);
  put(document, source.evaluation);
}

}  // namespace lehr::plugins::parquet
