#include "parquet_file.h"

#include <arrow/type.h>
#include <lehr/value.h>
#include <parquet/arrow/schema.h>
#include <parquet/column_reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <algorithm>
#include <set>
#include <utility>

namespace lehr::plugins::parquet {
namespace {

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

// A dictionary of empty texts takes four times its page: a length each there, a place in memory.
std::int64_t with_dictionary(std::int64_t page_bytes) {
  return (64 << 20) + 4 * std::clamp<std::int64_t>(page_bytes, 0, 1ll << 40);
}

}  // namespace

ParquetFile::ParquetFile(std::filesystem::path path, const Rules& rules, BoundedPool& pool)
    : path_(std::move(path)) {
  const auto most_of_any = static_cast<std::int64_t>(rules.max_page_bytes);
  pool.set_limits(with_dictionary(file_bytes()), most_of_any);
  ::parquet::ReaderProperties properties(&pool);
  properties.enable_buffered_stream();  // pages as they are needed, not whole row groups
  properties.set_buffer_size(1 << 20);
  reader_ =
      ::parquet::ParquetFileReader::OpenFile(path_.string(), /*memory_map=*/false, properties);
  const auto metadata = reader_->metadata();
  groups_ = metadata->num_row_groups();
  std::shared_ptr<arrow::Schema> schema;
  const auto status = ::parquet::arrow::FromParquetSchema(
      metadata->schema(), ::parquet::default_arrow_reader_properties(),
      metadata->key_value_metadata(), &schema);
  if (!status.ok()) throw Error(path_.string() + ": " + status.message());
  choose(*schema, rules);
  pool.set_limits(with_dictionary(most_bytes()), most_of_any);
}

ParquetFile::~ParquetFile() = default;

// The largest page of the columns: what they become by the file's own account, or all of a file of
// its size could, where that is less.
std::int64_t ParquetFile::most_bytes() const {
  const auto metadata = reader_->metadata();
  std::int64_t expansion = 1, said = 0;
  for (int group = 0; group < groups_; ++group)
    for (const int leaf : columns_->leaves) {
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

// Which leaf columns are read. A column that is nested is none of them.
void ParquetFile::choose(const arrow::Schema& schema, const Rules& rules) {
  const auto& leaves = *reader_->metadata()->schema();
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
    if (!text && !id && !kept) continue;
    if (text) columns_->text = columns_->names.size();
    if (id && !text) columns_->id = columns_->names.size();
    columns_->names.push_back(name);
    columns_->types.push_back(field->type());
    columns_->leaves.push_back(i);
    found |= text;
  }
  for (const std::string& name : rules.fields)
    if (std::find(columns_->names.begin(), columns_->names.end(), name) == columns_->names.end())
      throw Error(path_.string() + ": there is no column '" + name +
                  "', which 'fields' names; the columns are " + known);
  if (!columns_->id && rules.options.id_field != text::DocumentOptions().id_field)
    throw Error(path_.string() + ": there is no column '" + rules.options.id_field +
                "' of plain values, which id_field names; the columns are " + known);
  if (!found)
    throw Error(path_.string() + ": there is no column '" + rules.options.text_field +
                "'; the columns are " + known + ". Set text_field");
}

// Opens the next row group where the present one has no rows left; false behind the last.
bool ParquetFile::need_rows() {
  for (; left_ == 0 && group_ < groups_; ++group_) {
    cursors_.clear();
    const auto group = reader_->RowGroup(group_);
    left_ = static_cast<std::uint64_t>(std::max<std::int64_t>(group->metadata()->num_rows(), 0));
    for (std::size_t i = 0; left_ > 0 && i < columns_->leaves.size(); ++i)
      cursors_.push_back(ColumnCursor::of(group->Column(columns_->leaves[i]), *columns_->types[i]));
  }
  return left_ > 0;
}

RowBatch ParquetFile::read(std::uint64_t most_bytes, std::size_t most_rows) {
  RowBatch batch;
  batch.columns = columns_;
  for (const auto& type : columns_->types) batch.values.emplace_back(kind_of(*type));
  if (!need_rows()) return batch;
  for (; left_ > 0 && batch.bytes < most_bytes && batch.rows < most_rows; --left_, ++batch.rows)
    for (std::size_t i = 0; i < cursors_.size(); ++i) {
      ColumnValues& values = batch.values[i];
      cursors_[i]->take(values);
      if (values.is_text()) batch.bytes += values.text(batch.rows).size();
    }
  return batch;
}

void ParquetFile::skip(std::uint64_t rows) {
  const auto rows_of = [&](int group) {
    return static_cast<std::uint64_t>(
        std::max<std::int64_t>(reader_->metadata()->RowGroup(group)->num_rows(), 0));
  };
  while (left_ == 0 && group_ < groups_ && rows >= rows_of(group_)) rows -= rows_of(group_++);
  for (; rows > 0; --rows, --left_) {
    if (!need_rows()) throw Error(path_.string() + ": is not as it was when its reading began");
    for (const auto& cursor : cursors_) cursor->skip();
  }
}

double ParquetFile::progress() const {
  return groups_ == 0 ? 0 : (group_ - (left_ > 0 ? 1 : 0)) / double(groups_);
}

}  // namespace lehr::plugins::parquet
