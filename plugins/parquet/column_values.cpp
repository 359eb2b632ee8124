#include "column_values.h"

#include <lehr/description.h>

#include <bit>

#include "text/json_lines.h"

namespace lehr::plugins::parquet {

void ColumnValues::add(std::uint64_t value, bool there) {
  values_.push_back(kind_ == Kind::text ? bytes_.size() : value);
  there_.push_back(there);
}

std::string_view ColumnValues::text(std::size_t row) const {
  const std::size_t begin = row == 0 ? 0 : values_[row - 1];
  return std::string_view(bytes_).substr(begin, values_[row] - begin);
}

void ColumnValues::append_json(std::string& out, std::size_t row) const {
  if (is_null(row)) {
    out += "null";
    return;
  }
  const std::uint64_t value = values_[row];
  switch (kind_) {
    case Kind::text:
      return text::append_json_string(out, text(row));
    case Kind::boolean:
      out += value != 0 ? "true" : "false";
      return;
    case Kind::integer:
      out += std::to_string(static_cast<std::int64_t>(value));
      return;
    case Kind::natural:
      out += std::to_string(value);
      return;
    case Kind::single:
      out += json_number(std::bit_cast<float>(static_cast<std::uint32_t>(value)));
      return;
    case Kind::real:
      out += json_number(std::bit_cast<double>(value));
  }
}

}  // namespace lehr::plugins::parquet
