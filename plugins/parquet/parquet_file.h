// One open Parquet file: the columns that documents are made of, some rows at a time, in order, as
// many as have so much text, however they are encoded and wherever the long ones are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bounded_pool.h"
#include "column_cursor.h"
#include "text/documents.h"

namespace arrow {
class Schema;
}
namespace parquet {
class ParquetFileReader;
}

namespace lehr::plugins::parquet {

struct Rules {
  text::DocumentOptions options;
  std::vector<std::string> fields;  // further columns to keep, where all_fields is false
  bool all_fields = true;           // all that are plain
  std::uint64_t max_document_bytes = 64 << 20;
  std::uint64_t max_page_bytes = 256 << 20;  // decompressed
};

// What is read of a file.
struct Columns {
  std::vector<std::string> names;
  std::vector<std::shared_ptr<arrow::DataType>> types;
  std::vector<int> leaves;  // of the file's schema
  std::size_t text = 0;     // which of them holds the text
  std::optional<std::size_t> id;
};

// Rows of one row group.
struct RowBatch {
  std::shared_ptr<const Columns> columns;
  std::vector<ColumnValues> values;  // by column
  std::size_t rows = 0;
  std::uint64_t bytes = 0;  // of text in all columns
};

class ParquetFile {
 public:
  // pool: outlives this; its limit becomes this file's. Throws Error or ParquetException for a file
  // that is no Parquet, is damaged or lacks a column.
  ParquetFile(std::filesystem::path path, const Rules& rules, BoundedPool& pool);
  ~ParquetFile();

  const std::filesystem::path& path() const { return path_; }
  // The next rows up to the one with which they have most_bytes of text, most_rows or the end of
  // their row group; none behind the last. Throws as above.
  RowBatch read(std::uint64_t most_bytes, std::size_t most_rows);
  // Leaves out the next so many rows, whole row groups unread. Throws Error if there are fewer.
  void skip(std::uint64_t rows);
  // Share of the row groups that are done with.
  double progress() const;

 private:
  void choose(const arrow::Schema& schema, const Rules& rules);
  std::int64_t most_bytes() const;
  std::int64_t file_bytes() const;
  bool need_rows();

  std::filesystem::path path_;
  std::unique_ptr<::parquet::ParquetFileReader> reader_;
  std::shared_ptr<Columns> columns_ = std::make_shared<Columns>();
  std::vector<std::unique_ptr<ColumnCursor>> cursors_;  // of the present row group, by column
  std::uint64_t left_ = 0;                              // rows of it
  int group_ = 0, groups_ = 0;                          // group_: the next one
};

}  // namespace lehr::plugins::parquet
