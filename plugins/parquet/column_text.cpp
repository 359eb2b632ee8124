#include "column_text.h"

#include <lehr/description.h>
#include <lehr/value.h>

#include "text/json_lines.h"

namespace lehr::plugins::parquet {
namespace {

using arrow::Type;

template <class Array>
std::string integer(const arrow::Array& column, std::int64_t row) {
  return std::to_string(static_cast<const Array&>(column).Value(row));
}

}  // namespace

bool is_text(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
    case Type::BINARY:
    case Type::LARGE_BINARY:
      return true;
    case Type::DICTIONARY:
      return is_text(*static_cast<const arrow::DictionaryType&>(type).value_type());
    default:
      return false;
  }
}

bool is_plain(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::BOOL:
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::INT64:
    case Type::UINT8:
    case Type::UINT16:
    case Type::UINT32:
    case Type::UINT64:
    case Type::FLOAT:
    case Type::DOUBLE:
      return true;
    case Type::BINARY:
    case Type::LARGE_BINARY:
      return false;  // bytes that nobody called text
    default:
      return is_text(type);
  }
}

std::string_view text_at(const arrow::Array& column, std::int64_t row) {
  switch (column.type_id()) {
    case Type::STRING:
    case Type::BINARY:
      return static_cast<const arrow::BinaryArray&>(column).GetView(row);
    case Type::LARGE_STRING:
    case Type::LARGE_BINARY:
      return static_cast<const arrow::LargeBinaryArray&>(column).GetView(row);
    case Type::STRING_VIEW:
      return static_cast<const arrow::BinaryViewArray&>(column).GetView(row);
    case Type::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryArray&>(column);
      return text_at(*coded.dictionary(), coded.GetValueIndex(row));
    }
    default:
      throw Error("a column of type " + column.type()->ToString() + " is no text");
  }
}

void append_json(std::string& out, const arrow::Array& column, std::int64_t row) {
  if (column.IsNull(row)) {
    out += "null";
    return;
  }
  switch (column.type_id()) {
    case Type::BOOL:
      out += static_cast<const arrow::BooleanArray&>(column).Value(row) ? "true" : "false";
      return;
    case Type::INT8:
      out += integer<arrow::Int8Array>(column, row);
      return;
    case Type::INT16:
      out += integer<arrow::Int16Array>(column, row);
      return;
    case Type::INT32:
      out += integer<arrow::Int32Array>(column, row);
      return;
    case Type::INT64:
      out += integer<arrow::Int64Array>(column, row);
      return;
    case Type::UINT8:
      out += integer<arrow::UInt8Array>(column, row);
      return;
    case Type::UINT16:
      out += integer<arrow::UInt16Array>(column, row);
      return;
    case Type::UINT32:
      out += integer<arrow::UInt32Array>(column, row);
      return;
    case Type::UINT64:
      out += integer<arrow::UInt64Array>(column, row);
      return;
    case Type::FLOAT:
      out += json_number(static_cast<const arrow::FloatArray&>(column).Value(row));
      return;
    case Type::DOUBLE:
      out += json_number(static_cast<const arrow::DoubleArray&>(column).Value(row));
      return;
    default:
      text::append_json_string(out, text_at(column, row));
  }
}

}  // namespace lehr::plugins::parquet
