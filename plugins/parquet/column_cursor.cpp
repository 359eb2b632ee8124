#include "column_cursor.h"

#include <arrow/type.h>
#include <parquet/column_reader.h>
#include <parquet/exception.h>
#include <parquet/schema.h>
#include <parquet/types.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace lehr::plugins::parquet {
namespace {

using arrow::Type;
using Kind = ColumnValues::Kind;

// Values that Arrow decodes at once. Of texts as many as are a few megabytes if the next are as
// long as the longest of the last: where a text says only how it differs from the one before, all
// of them are made.
constexpr std::size_t kMostAtOnce = 256, kFirstAtOnce = 16, kBytesAtOnce = 2 << 20;

[[noreturn]] void fail(const std::string& what) { throw ::parquet::ParquetException(what); }

template <class Parquet>
class Cursor : public ColumnCursor {
 public:
  Cursor(std::shared_ptr<::parquet::ColumnReader> reader, Type::type type)
      : reader_(std::static_pointer_cast<::parquet::TypedColumnReader<Parquet>>(std::move(reader))),
        most_level_(reader_->descr()->max_definition_level()),
        type_(type) {}

  void take(ColumnValues& values) override {
    if (const Value* value = next())
      add(*value, values);
    else
      values.add_null();
  }
  void skip() override { next(); }

 private:
  using Value = typename Parquet::c_type;
  static constexpr bool kIsText = std::is_same_v<Value, ::parquet::ByteArray>;

  // The next row's value; null if it has none.
  const Value* next() {
    if (level_ == levels_read_) read();
    if (levels_[level_++] < most_level_) return nullptr;
    if (value_ == values_read_) fail("a page has fewer values than it says");
    return &values_[value_++];
  }

  void read() {
    if (!reader_->HasNext()) fail("a column has fewer rows than its row group");
    if constexpr (kIsText) {
      std::size_t longest = values_read_ > 0 ? 1 : kBytesAtOnce / kFirstAtOnce;
      for (std::int64_t i = 0; i < values_read_; ++i)
        longest = std::max<std::size_t>(longest, values_[i].len);
      at_once_ = std::clamp<std::size_t>(kBytesAtOnce / longest, 1, kMostAtOnce);
    }
    level_ = value_ = 0;
    std::fill_n(levels_, at_once_, most_level_);
    levels_read_ = reader_->ReadBatch(static_cast<std::int64_t>(at_once_), levels_, nullptr,
                                      values_, &values_read_);
    if (levels_read_ <= 0) fail("a page has fewer rows than it says");
  }

  void add(const Value& value, ColumnValues& values) const {
    if constexpr (kIsText)
      values.add_text({reinterpret_cast<const char*>(value.ptr), value.len});
    else if constexpr (std::is_same_v<Value, float>)
      values.add_number(std::bit_cast<std::uint32_t>(value));
    else if constexpr (std::is_same_v<Value, double>)
      values.add_number(std::bit_cast<std::uint64_t>(value));
    else
      values.add_number(static_cast<std::uint64_t>(whole(value)));
  }
  // As wide as the column is said to be.
  std::int64_t whole(std::int64_t value) const {
    switch (type_) {
      case Type::INT8:
        return static_cast<std::int8_t>(value);
      case Type::INT16:
        return static_cast<std::int16_t>(value);
      case Type::UINT8:
        return static_cast<std::uint8_t>(value);
      case Type::UINT16:
        return static_cast<std::uint16_t>(value);
      case Type::UINT32:
        return static_cast<std::uint32_t>(value);
      default:
        return value;
    }
  }

  const std::shared_ptr<::parquet::TypedColumnReader<Parquet>> reader_;
  const std::int16_t most_level_;
  const Type::type type_;
  std::size_t at_once_ = kMostAtOnce;
  std::int64_t level_ = 0, levels_read_ = 0, value_ = 0, values_read_ = 0;
  std::int16_t levels_[kMostAtOnce];
  Value values_[kMostAtOnce];
};

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

Kind kind_of(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::BOOL:
      return Kind::boolean;
    case Type::FLOAT:
      return Kind::single;
    case Type::DOUBLE:
      return Kind::real;
    case Type::UINT8:
    case Type::UINT16:
    case Type::UINT32:
    case Type::UINT64:
      return Kind::natural;
    default:
      return is_text(type) ? Kind::text : Kind::integer;
  }
}

std::unique_ptr<ColumnCursor> ColumnCursor::of(std::shared_ptr<::parquet::ColumnReader> reader,
                                               const arrow::DataType& type) {
  const Kind kind = kind_of(type);
  const bool whole = kind == Kind::integer || kind == Kind::natural;
  const auto kept_as = reader->type();
  if (kept_as == ::parquet::Type::BYTE_ARRAY && kind == Kind::text)
    return std::make_unique<Cursor<::parquet::ByteArrayType>>(std::move(reader), type.id());
  if (kept_as == ::parquet::Type::INT32 && whole)
    return std::make_unique<Cursor<::parquet::Int32Type>>(std::move(reader), type.id());
  if (kept_as == ::parquet::Type::INT64 && whole)
    return std::make_unique<Cursor<::parquet::Int64Type>>(std::move(reader), type.id());
  if (kept_as == ::parquet::Type::FLOAT && kind == Kind::single)
    return std::make_unique<Cursor<::parquet::FloatType>>(std::move(reader), type.id());
  if (kept_as == ::parquet::Type::DOUBLE && kind == Kind::real)
    return std::make_unique<Cursor<::parquet::DoubleType>>(std::move(reader), type.id());
  if (kept_as == ::parquet::Type::BOOLEAN && kind == Kind::boolean)
    return std::make_unique<Cursor<::parquet::BooleanType>>(std::move(reader), type.id());
  fail("a column of " + type.ToString() + " is kept as " + ::parquet::TypeToString(kept_as));
}

}  // namespace lehr::plugins::parquet
