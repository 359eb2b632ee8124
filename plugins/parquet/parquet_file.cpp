#include "parquet_file.h"

#include <arrow/record_batch.h>
#include <lehr/value.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <algorithm>
#include <set>
#include <utility>

#include "column_text.h"

namespace lehr::plugins::parquet {
namespace {

constexpr std::int64_t kBatchBytes = 4 << 20, kMostRows = 1 << 16;

// How many bytes a byte of a compressed page can become at most.
std::int64_t expansion_of(arrow::Compression::type compression) {
  switch (compression) {
    case arrow::Compression::UNCOMPRESSED:
      return 1;
    case arrow::Compression::SNAPPY:
      return 32;
    case arrow::Compression::LZ4:
    case arrow::Compression::LZ4_FRAME:
    case arrow::Compression::LZ4_HADOOP:
      return 256;
    case arrow::Compression::GZIP:
      return 1100;
    case arrow::Compression::ZSTD:
      return 1 << 15;
    default:
      return 1 << 20;
  }
}

bool is_delta(::parquet::Encoding::type encoding) {
  return encoding == ::parquet::Encoding::DELTA_BYTE_ARRAY ||
         encoding == ::parquet::Encoding::DELTA_LENGTH_BYTE_ARRAY;
}

}  // namespace

ParquetFile::ParquetFile(std::filesystem::path path, const Rules& rules, BoundedPool& pool)
    : path_(std::move(path)), pool_(pool) {
  limit_memory(file_bytes());
  reader_ = open(false);
  groups_ = reader_->num_row_groups();
  std::shared_ptr<arrow::Schema> schema;
  need(reader_->GetSchema(&schema));
  choose(*schema, rules);
  reader_ = open(true);
  limit_memory(most_bytes());
}

ParquetFile::~ParquetFile() = default;

void ParquetFile::need(const arrow::Status& status) const {
  if (!status.ok()) throw Error(path_.string() + ": " + status.message());
}

// by_dictionary: the chosen columns, where they have one, from what was opened before.
std::unique_ptr<::parquet::arrow::FileReader> ParquetFile::open(bool by_dictionary) const {
  ::parquet::ReaderProperties properties(&pool_);
  properties.enable_buffered_stream();  // pages as they are needed, not whole row groups
  properties.set_buffer_size(1 << 20);
  ::parquet::ArrowReaderProperties reading(/*use_threads=*/false);
  reading.set_pre_buffer(false);
  std::shared_ptr<::parquet::FileMetaData> known;
  if (by_dictionary) {
    known = reader_->parquet_reader()->metadata();
    for (const int leaf : columns_)
      if (has_dictionary(leaf)) reading.set_read_dictionary(leaf, true);
  }
  ::parquet::arrow::FileReaderBuilder builder;
  need(builder.OpenFile(path_.string(), /*memory_map=*/false, properties, known));
  builder.memory_pool(&pool_)->properties(reading);
  std::unique_ptr<::parquet::arrow::FileReader> reader;
  need(builder.Build(&reader));
  return reader;
}

// Whether a column can be read as a dictionary, which Arrow does not from delta encodings.
bool ParquetFile::has_dictionary(int leaf) const {
  const auto metadata = reader_->parquet_reader()->metadata();
  if (metadata->schema()->Column(leaf)->physical_type() != ::parquet::Type::BYTE_ARRAY)
    return false;
  bool found = false;
  for (int group = 0; group < groups_; ++group) {
    const auto chunk = metadata->RowGroup(group)->ColumnChunk(leaf);
    if (std::ranges::any_of(chunk->encodings(), is_delta)) return false;
    found |= chunk->has_dictionary_page();
  }
  return found;
}

// The largest piece of memory that reading the columns may take: what they become by the file's
// own account, or all of a file of its size could, where that is less.
std::int64_t ParquetFile::most_bytes() const {
  const auto metadata = reader_->parquet_reader()->metadata();
  std::int64_t expansion = 1, said = 0;
  for (int group = 0; group < groups_; ++group)
    for (const int leaf : columns_) {
      const auto chunk = metadata->RowGroup(group)->ColumnChunk(leaf);
      expansion = std::max(expansion, expansion_of(chunk->compression()));
      said = std::max({said, chunk->total_uncompressed_size(), chunk->total_compressed_size()});
    }
  return std::min(said, expansion * file_bytes());
}

std::int64_t ParquetFile::file_bytes() const {
  std::error_code error;
  const auto size = std::filesystem::file_size(path_, error);
  return error ? 0 : static_cast<std::int64_t>(std::min<std::uintmax_t>(size, 1ull << 40));
}

// Twice what is needed, as Arrow's buffers grow by doubling.
void ParquetFile::limit_memory(std::int64_t bytes) {
  pool_.set_limit((64 << 20) + 2 * std::clamp<std::int64_t>(bytes, 0, 1ll << 40));
}

// Which leaf columns are read. A column that is nested is none of them.
void ParquetFile::choose(const arrow::Schema& schema, const Rules& rules) {
  const auto& leaves = *reader_->parquet_reader()->metadata()->schema();
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
      throw Error(path_.string() + ": column '" + name + "' is " + field->type()->ToString() +
                  ", not text");
    const bool listed =
        std::find(rules.fields.begin(), rules.fields.end(), name) != rules.fields.end();
    if (listed && !is_plain(*field->type()))
      throw Error(path_.string() + ": column '" + name + "' is " + field->type()->ToString() +
                  ", which a document cannot keep");
    const bool id = name == rules.options.id_field && is_plain(*field->type());
    const bool kept = rules.all_fields ? is_plain(*field->type()) : listed;
    const std::string called(text::kept_name(name));
    if (kept && !text && !id && !names.insert(called).second)
      throw Error(path_.string() + ": two columns would be called '" + called +
                  "'; choose with 'columns: listed'");
    if (text) text_leaf_ = i;
    if (text || id || kept) columns_.push_back(i);
    found |= text;
  }
  if (!found)
    throw Error(path_.string() + ": there is no column '" + rules.options.text_field +
                "'; the columns are " + known + ". Set text_field");
}

// Its batches hold about kBatchBytes of text each.
void ParquetFile::open_group() {
  const auto about = reader_->parquet_reader()->metadata()->RowGroup(group_);
  const auto text = about->ColumnChunk(text_leaf_);
  const auto rows = std::max<std::int64_t>(about->num_rows(), 1);
  const auto mean = std::max<std::int64_t>(text->total_uncompressed_size() / rows, 1);
  reader_->set_batch_size(std::clamp<std::int64_t>(kBatchBytes / mean, 1, kMostRows));
  auto opened = reader_->GetRecordBatchReader({group_}, columns_);
  need(opened.status());
  batches_ = std::move(*opened);
}

std::uint64_t ParquetFile::rows_of(int group) const {
  return static_cast<std::uint64_t>(
      reader_->parquet_reader()->metadata()->RowGroup(group)->num_rows());
}

std::shared_ptr<arrow::RecordBatch> ParquetFile::read() {
  if (rest_) return std::exchange(rest_, nullptr);
  for (; group_ < groups_; ++group_) {
    if (!batches_) open_group();
    for (std::shared_ptr<arrow::RecordBatch> rows;;) {
      need(batches_->ReadNext(&rows));
      if (!rows) break;
      if (rows->num_rows() > 0) return rows;
    }
    batches_.reset();
  }
  return nullptr;
}

void ParquetFile::skip(std::uint64_t rows) {
  while (!batches_ && !rest_ && group_ < groups_ && rows >= rows_of(group_))
    rows -= rows_of(group_++);
  while (rows > 0) {
    auto batch = read();
    if (!batch) throw Error(path_.string() + ": is not as it was when its reading began");
    const auto has = static_cast<std::uint64_t>(batch->num_rows());
    if (has > rows) rest_ = batch->Slice(static_cast<std::int64_t>(rows));
    rows -= std::min(rows, has);
  }
}

double ParquetFile::progress() const { return groups_ == 0 ? 0 : group_ / double(groups_); }

}  // namespace lehr::plugins::parquet
