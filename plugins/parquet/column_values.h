// Some rows of one column: texts, numbers or booleans, any of them null.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::plugins::parquet {

class ColumnValues {
 public:
  enum class Kind { text, boolean, integer, natural, single, real };

  explicit ColumnValues(Kind kind) : kind_(kind) {}
  bool is_text() const { return kind_ == Kind::text; }

  void add_null() { add(0, false); }
  // Of a column of text.
  void add_text(std::string_view text) {
    bytes_ += text;
    add(bytes_.size(), true);
  }
  // Of others: the number as the kind has it, in its lowest bytes.
  void add_number(std::uint64_t bits) { add(bits, true); }

  std::size_t rows() const { return there_.size(); }
  bool is_null(std::size_t row) const { return !there_[row]; }
  // For a column of text and a row that is not null.
  std::string_view text(std::size_t row) const;
  // Its JSON. Text must be valid UTF-8.
  void append_json(std::string& out, std::size_t row) const;

 private:
  void add(std::uint64_t value, bool there);

  Kind kind_;
  std::string bytes_;                  // of all texts
  std::vector<std::uint64_t> values_;  // where each text ends, or the numbers
  std::vector<bool> there_;
};

}  // namespace lehr::plugins::parquet
