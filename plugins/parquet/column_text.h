// The value of a column in one row, as text or as JSON.
#pragma once

#include <arrow/array.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace lehr::plugins::parquet {

// Text, also as a dictionary: what a document's text may be in.
bool is_text(const arrow::DataType& type);
// Text, numbers and booleans: what can stand beside it in a document.
bool is_plain(const arrow::DataType& type);

// For a column that is_text and a row that is not null; points into the column.
std::string_view text_at(const arrow::Array& column, std::int64_t row);

// For a column that is_plain: its JSON. Text must be valid UTF-8.
void append_json(std::string& out, const arrow::Array& column, std::int64_t row);

}  // namespace lehr::plugins::parquet
