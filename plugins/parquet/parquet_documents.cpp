#include "parquet_documents.h"

#include <arrow/record_batch.h>
#include <lehr/value.h>
#include <parquet/exception.h>

#include <system_error>
#include <utility>

#include "column_text.h"
#include "text/utf8_repair.h"

namespace lehr::plugins::parquet {
namespace {

constexpr std::uint64_t kBlockBytes = 8 << 20;
constexpr std::int64_t kMostBlockRows = 1 << 18;  // without text they would never fill a block

std::uint64_t size_of(const Source& source) {
  std::error_code error;
  const auto size = std::filesystem::file_size(source.path, error);
  return error ? 0 : size;  // one that is missing fails when its turn comes
}

// What a row has in columns of text.
std::uint64_t text_bytes(const std::vector<std::shared_ptr<arrow::Array>>& columns,
                         std::int64_t row) {
  std::uint64_t bytes = 0;
  for (const auto& column : columns)
    if (!column->IsNull(row)) bytes += text_at(*column, row).size();
  return bytes;
}

}  // namespace

ParquetDocuments::ParquetDocuments(std::vector<Source> sources, Rules rules)
    : sources_(std::move(sources)), rules_(std::move(rules)) {
  for (const Source& source : sources_) total_bytes_ += size_of(source);
}

ParquetDocuments::~ParquetDocuments() = default;

// Rows of the present file, or of the next one, in rows_; false at the end of the last.
bool ParquetDocuments::need_rows() {
  while (!rows_) {
    if (!file_) {
      if (next_source_ == sources_.size()) return false;
      position_ = {next_source_, 0, 1};
      file_ = std::make_unique<ParquetFile>(sources_[next_source_].path, rules_, pool_);
      ++next_source_;
    }
    rows_ = file_->read();
    if (rows_) break;
    finished_bytes_ += size_of(sources_[position_.source]);
    file_.reset();
    position_ = {next_source_, 0, 1};
  }
  return true;
}

// As many rows of rows_ as the block has room for.
void ParquetDocuments::take_rows(Block& block, std::int64_t& rows) {
  auto columns = rows_->columns();
  std::erase_if(columns, [](const auto& column) { return !is_text(*column->type()); });
  std::int64_t taken = 0;
  while (taken < rows_->num_rows() && block.bytes < kBlockBytes && rows < kMostBlockRows) {
    block.bytes += text_bytes(columns, taken++);
    ++rows;
  }
  block.batches.push_back({position_.source, position_.offset + 1, rows_->Slice(0, taken)});
  position_.offset += static_cast<std::uint64_t>(taken);
  rows_ = taken == rows_->num_rows() ? nullptr : rows_->Slice(taken);
}

bool ParquetDocuments::next(Block& block) try {
  block.batches.clear();
  block.bytes = 0;
  for (std::int64_t rows = 0; block.bytes < kBlockBytes && rows < kMostBlockRows && need_rows();)
    take_rows(block, rows);
  block.end = position_;
  return !block.batches.empty();
} catch (const ::parquet::ParquetException& e) {
  throw Error(sources_[position_.source].path.string() + ": " + e.what());
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
  throw Error(sources_[position.source].path.string() + ": " + e.what());
}

std::uint64_t ParquetDocuments::position() const {
  if (!file_) return finished_bytes_;
  const auto size = static_cast<double>(size_of(sources_[position_.source]));
  return finished_bytes_ + static_cast<std::uint64_t>(size * file_->progress());
}

void ParquetDocuments::read(Worker& worker, const Block& block, text::CollectionTally& tally,
                            const Put& put) const {
  for (const Batch& batch : block.batches)
    for (std::int64_t row = 0; row < batch.rows->num_rows(); ++row)
      read_row(worker, batch, row, tally, put);
}

void ParquetDocuments::read_row(Worker& worker, const Batch& batch, std::int64_t row,
                                text::CollectionTally& tally, const Put& put) const {
  const Source& source = sources_[batch.source];
  const std::string number =
      ":" + std::to_string(batch.first_row + static_cast<std::uint64_t>(row));
  const auto reject = [&](const char* reason, const std::string& what, bool drop,
                          const char* advice) {
    if (!drop) throw Error(source.path.string() + number + ": " + what + "; set " + advice);
    tally.summary.drop(reason, source.name + number, what);
  };
  const bool drop = rules_.options.malformed == text::Malformed::drop;
  const auto column = batch.rows->GetColumnByName(rules_.options.text_field);
  if (column->IsNull(row))
    return reject("malformed", "the text is null", drop, "malformed to 'drop' to go on");
  text::Document document;
  document.text = text_at(*column, row);
  const auto too_long = [&](const char* what) {
    reject("too_long",
           std::string("the ") + what + " has more than " +
               std::to_string(rules_.max_document_bytes) + " bytes",
           drop, "max_document_bytes higher, or malformed to 'drop'");
  };
  if (document.text.size() > rules_.max_document_bytes) return too_long("text");
  worker.id.clear();
  worker.fields.clear();
  for (int i = 0; i < batch.rows->num_columns(); ++i) {
    const std::string& name = batch.rows->schema()->field(i)->name();
    if (name == rules_.options.text_field) continue;
    const auto& other = *batch.rows->column(i);
    if (name == rules_.options.id_field) {
      if (!other.IsNull(row) && is_text(*other.type()))
        worker.id = text_at(other, row);
      else if (!other.IsNull(row))
        append_json(worker.id, other, row);
    } else {
      worker.fields += worker.fields.empty() ? '{' : ',';
      text::append_json_string(worker.fields, text::kept_name(name));
      worker.fields += ':';
      append_json(worker.fields, other, row);
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
