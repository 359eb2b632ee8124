#include "parquet_documents.h"

#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <lehr/value.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include "column_text.h"
#include "text/utf8_repair.h"

namespace lehr::plugins::parquet {
namespace {

constexpr std::uint64_t kBatchBytes = 4 << 20, kBlockBytes = 8 << 20;
constexpr std::int64_t kMostRows = 1 << 16, kMostBlockRows = 1 << 18;

}  // namespace

// One open file.
struct ParquetDocuments::File {
  File(const Source& source, const Rules& rules) : path(source.path) {
    ::parquet::ReaderProperties properties(arrow::system_memory_pool());
    properties.enable_buffered_stream();  // pages as they are needed, not whole row groups
    properties.set_buffer_size(1 << 20);
    ::parquet::ArrowReaderProperties reading(/*use_threads=*/false);
    reading.set_pre_buffer(false);
    ::parquet::arrow::FileReaderBuilder builder;
    need(builder.OpenFile(path.string(), /*memory_map=*/false, properties));
    builder.memory_pool(arrow::system_memory_pool())->properties(reading);
    need(builder.Build(&reader));
    groups = reader->num_row_groups();
    std::shared_ptr<arrow::Schema> schema;
    need(reader->GetSchema(&schema));
    choose(*schema, rules);
  }

  void need(const arrow::Status& status) const {
    if (!status.ok()) throw Error(path.string() + ": " + status.message());
  }

  // Which leaf columns are read. A column that is nested is none of them.
  void choose(const arrow::Schema& schema, const Rules& rules) {
    const auto& leaves = *reader->parquet_reader()->metadata()->schema();
    std::string known;
    std::set<std::string> names;  // of the columns that are kept, as documents call them
    bool found = false;
    for (int i = 0; i < leaves.num_columns(); ++i) {
      const auto path_of = leaves.Column(i)->path()->ToDotVector();
      const std::string& name = path_of[0];
      const auto field = schema.GetFieldByName(name);
      if (path_of.size() != 1 || field == nullptr) continue;
      known += (known.empty() ? "'" : ", '") + name + "'";
      const bool text = name == rules.options.text_field;
      if (text && !is_text(*field->type()))
        throw Error(path.string() + ": column '" + name + "' is " + field->type()->ToString() +
                    ", not text");
      const bool listed =
          std::find(rules.fields.begin(), rules.fields.end(), name) != rules.fields.end();
      if (listed && !is_plain(*field->type()))
        throw Error(path.string() + ": column '" + name + "' is " + field->type()->ToString() +
                    ", which a document cannot keep");
      const bool id = name == rules.options.id_field && is_plain(*field->type());
      const bool kept = rules.all_fields ? is_plain(*field->type()) : listed;
      const std::string called(text::kept_name(name));
      if (kept && !text && !id && !names.insert(called).second)
        throw Error(path.string() + ": two columns would be called '" + called +
                    "'; choose with 'columns: listed'");
      if (text) text_leaf = i;
      if (text || id || kept) columns.push_back(i);
      found |= text;
    }
    if (!found)
      throw Error(path.string() + ": there is no column '" + rules.options.text_field +
                  "'; the columns are " + known + ". Set text_field");
  }

  // Opens row group `group`; its batches hold about kBatchBytes of text each.
  void open_group() {
    const auto about = reader->parquet_reader()->metadata()->RowGroup(group);
    const auto text = about->ColumnChunk(text_leaf);
    const auto rows = std::max<std::int64_t>(about->num_rows(), 1);
    const auto mean = std::max<std::int64_t>(text->total_uncompressed_size() / rows, 1);
    reader->set_batch_size(
        std::clamp<std::int64_t>(static_cast<std::int64_t>(kBatchBytes) / mean, 1, kMostRows));
    auto opened = reader->GetRecordBatchReader({group}, columns);
    need(opened.status());
    batches = std::move(*opened);
  }

  std::int64_t rows_of(int number) const {
    return reader->parquet_reader()->metadata()->RowGroup(number)->num_rows();
  }

  std::filesystem::path path;
  std::unique_ptr<::parquet::arrow::FileReader> reader;
  std::unique_ptr<arrow::RecordBatchReader> batches;
  std::vector<int> columns;
  int text_leaf = 0, group = 0, groups = 0;
};

ParquetDocuments::ParquetDocuments(std::vector<Source> sources, Rules rules)
    : sources_(std::move(sources)), rules_(std::move(rules)) {
  for (const Source& source : sources_) {
    std::error_code error;
    const auto size = std::filesystem::file_size(source.path, error);
    if (!error) total_bytes_ += size;
  }
}

ParquetDocuments::~ParquetDocuments() = default;

// The next batch of the present file, or of the next one; false at the end of the last.
bool ParquetDocuments::next_batch(Batch& batch, std::uint64_t& bytes) {
  for (;;) {
    if (!file_) {
      if (next_source_ == sources_.size()) return false;
      position_ = {next_source_, 0, 1};
      file_ = std::make_unique<File>(sources_[next_source_], rules_);
      ++next_source_;
    }
    if (!file_->batches) {
      if (file_->group == file_->groups) {
        std::error_code error;
        finished_bytes_ += std::filesystem::file_size(file_->path, error);
        file_.reset();
        position_ = {next_source_, 0, 1};
        continue;
      }
      file_->open_group();
    }
    batch.rows = nullptr;
    file_->need(file_->batches->ReadNext(&batch.rows));
    if (!batch.rows) {
      file_->batches.reset();
      ++file_->group;
      continue;
    }
    batch.source = position_.source;
    batch.first_row = position_.offset + 1;
    position_.offset += static_cast<std::uint64_t>(batch.rows->num_rows());
    const auto column = batch.rows->GetColumnByName(rules_.options.text_field);
    for (std::int64_t i = 0; i < batch.rows->num_rows(); ++i)
      if (!column->IsNull(i)) bytes += text_at(*column, i).size();
    return true;
  }
}

bool ParquetDocuments::next(Block& block) try {
  block.batches.clear();
  block.bytes = 0;
  std::int64_t rows = 0;  // without text they would never fill a block
  for (Batch batch;
       block.bytes < kBlockBytes && rows < kMostBlockRows && next_batch(batch, block.bytes);) {
    rows += batch.rows->num_rows();
    block.batches.push_back(std::move(batch));
  }
  block.end = position_;
  return !block.batches.empty();
} catch (const ::parquet::ParquetException& e) {
  throw Error(sources_[position_.source].path.string() + ": " + e.what());
}

void ParquetDocuments::resume(const text::CollectionPosition& position) try {
  for (std::size_t i = 0; i < position.source && i < sources_.size(); ++i) {
    std::error_code error;
    finished_bytes_ += std::filesystem::file_size(sources_[i].path, error);
  }
  next_source_ = position.source;
  position_ = position;
  if (position.offset == 0 || next_source_ == sources_.size()) return;
  file_ = std::make_unique<File>(sources_[next_source_++], rules_);
  std::uint64_t left = position.offset;
  while (file_->group < file_->groups &&
         left >= static_cast<std::uint64_t>(file_->rows_of(file_->group)))
    left -= static_cast<std::uint64_t>(file_->rows_of(file_->group++));
  if (left == 0) return;
  file_->open_group();  // blocks end where batches do
  for (std::shared_ptr<arrow::RecordBatch> rows; left > 0;) {
    file_->need(file_->batches->ReadNext(&rows));
    if (!rows || static_cast<std::uint64_t>(rows->num_rows()) > left)
      throw Error(file_->path.string() + ": is not as it was when its reading began");
    left -= static_cast<std::uint64_t>(rows->num_rows());
  }
} catch (const ::parquet::ParquetException& e) {
  throw Error(sources_[position.source].path.string() + ": " + e.what());
}

std::uint64_t ParquetDocuments::position() const {
  if (!file_ || file_->groups == 0) return finished_bytes_;
  std::error_code error;
  const auto size = std::filesystem::file_size(file_->path, error);
  return finished_bytes_ + size * static_cast<std::uint64_t>(file_->group) /
                               static_cast<std::uint64_t>(file_->groups);
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
