// One column of a row group, row by row, however it is encoded. A few values are decoded at a time
// and looked at where Arrow has them: a text that a million rows share is there once, and only what
// is taken is copied.
#pragma once

#include <cstddef>
#include <memory>

#include "column_values.h"

namespace arrow {
class DataType;
}
namespace parquet {
class ColumnReader;
}

namespace lehr::plugins::parquet {

// Text, also as a dictionary: what a document's text may be in.
bool is_text(const arrow::DataType& type);
// Text, numbers and booleans: what can stand beside it in a document.
bool is_plain(const arrow::DataType& type);
// For a type that is one of these.
ColumnValues::Kind kind_of(const arrow::DataType& type);

class ColumnCursor {
 public:
  // type: what Arrow calls it, which is_text or is_plain. Throws ParquetException if the file keeps
  // such a column as something else.
  static std::unique_ptr<ColumnCursor> of(std::shared_ptr<::parquet::ColumnReader> reader,
                                          const arrow::DataType& type);
  virtual ~ColumnCursor() = default;
  // Appends the next row to `values`. Throws ParquetException, also if there is none.
  virtual void take(ColumnValues& values) = 0;
  virtual void skip() = 0;
};

}  // namespace lehr::plugins::parquet
