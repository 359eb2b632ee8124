// One open Parquet file: the columns that documents are made of, some rows at a time, in order.
//
// What is asked for at a time has about 4 MiB of text by the row group's own account. Columns that
// the file keeps as a dictionary and places in it are read as such: a text that a million rows
// share is in memory once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bounded_pool.h"
#include "text/documents.h"

namespace arrow {
class RecordBatch;
class RecordBatchReader;
class Schema;
}  // namespace arrow
namespace parquet::arrow {
class FileReader;
}

namespace lehr::plugins::parquet {

struct Rules {
  text::DocumentOptions options;
  std::vector<std::string> fields;  // further columns to keep, where all_fields is false
  bool all_fields = true;           // all that are plain
  std::uint64_t max_document_bytes = 64 << 20;
};

class ParquetFile {
 public:
  // pool: what rows are made of, so it outlives them; its limit becomes this file's. Throws Error
  // or ParquetException for a file that is no Parquet, is damaged or lacks a column.
  ParquetFile(std::filesystem::path path, const Rules& rules, BoundedPool& pool);
  ~ParquetFile();

  const std::filesystem::path& path() const { return path_; }
  // The next rows, at least one; null behind the last. Throws as above.
  std::shared_ptr<arrow::RecordBatch> read();
  // Leaves out the next so many rows, whole row groups unread. Throws Error if there are fewer.
  void skip(std::uint64_t rows);
  // Share of the row groups that are done with.
  double progress() const;

 private:
  void need(const arrow::Status& status) const;
  std::unique_ptr<::parquet::arrow::FileReader> open(bool by_dictionary) const;
  void choose(const arrow::Schema& schema, const Rules& rules);
  bool has_dictionary(int leaf) const;
  std::int64_t most_bytes() const;
  std::int64_t file_bytes() const;
  void limit_memory(std::int64_t bytes);
  void open_group();
  std::uint64_t rows_of(int group) const;

  std::filesystem::path path_;
  BoundedPool& pool_;
  std::unique_ptr<::parquet::arrow::FileReader> reader_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;  // of the present row group
  std::shared_ptr<arrow::RecordBatch> rest_;           // of a batch whose first rows were left out
  std::vector<int> columns_;                           // leaves of the file's schema
  int text_leaf_ = 0, group_ = 0, groups_ = 0;
};

}  // namespace lehr::plugins::parquet
