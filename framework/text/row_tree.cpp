#include "text/row_tree.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <new>

namespace lehr::text {
namespace {

constexpr std::size_t kAlwaysFits = 18;  // as many characters without an exponent

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t end_of_digits(std::string_view json, std::size_t at) {
  while (at < json.size() && is_digit(json[at])) ++at;
  return at;
}

// The end of the number that begins at `at`, as JSON has them; `at` if there is none.
std::size_t end_of_number(std::string_view json, std::size_t at) {
  const std::size_t first = at + (json[at] == '-');
  std::size_t end = end_of_digits(json, first);
  if (end == first || (json[first] == '0' && end > first + 1)) return at;
  if (end < json.size() && json[end] == '.') {
    const std::size_t behind = end_of_digits(json, end + 1);
    if (behind == end + 1) return at;
    end = behind;
  }
  if (end < json.size() && (json[end] | 0x20) == 'e') {
    std::size_t exponent = end + 1;
    if (exponent < json.size() && (json[exponent] == '+' || json[exponent] == '-')) ++exponent;
    const std::size_t behind = end_of_digits(json, exponent);
    if (behind == exponent) return at;
    end = behind;
  }
  return end;
}

template <class Number>
bool reads_as(std::string_view number, Number& value) {
  return std::from_chars(number.data(), number.data() + number.size(), value).ec == std::errc{};
}

void append_number(std::string& out, std::string_view number) {
  const bool integer = number.find_first_of(".eE") == number.npos;
  std::int64_t whole;
  std::uint64_t large;
  double value;
  if ((integer &&
       (number.size() <= kAlwaysFits || reads_as(number, whole) || reads_as(number, large))) ||
      (!integer && reads_as(number, value))) {
    out += number;
  } else if (reads_as(number, value)) {
    char digits[32];
    char* const end =
        std::to_chars(digits, digits + sizeof digits, value, std::chars_format::scientific).ptr;
    out.append(digits, end);
  } else if (number[number[0] == '-'] == '0' || number.find("e-") != number.npos ||
             number.find("E-") != number.npos) {
    out += number;  // less than any double: parsers make it 0
  } else {
    out += number[0] == '-' ? "-1.7976931348623157e308" : "1.7976931348623157e308";
  }
}

}  // namespace

std::string with_numbers_as_doubles(std::string_view json) {
  std::string out;
  out.reserve(json.size() + 64);
  for (std::size_t at = 0; at < json.size();) {
    const std::size_t begin = at;
    if (json[at] == '"') {
      for (++at; at < json.size() && json[at] != '"'; ++at) at += json[at] == '\\';
      at = std::min(at + 1, json.size());
    } else if (json[at] == '-' || is_digit(json[at])) {
      if ((at = end_of_number(json, begin)) > begin) {
        append_number(out, json.substr(begin, at - begin));
        continue;
      }
      at = end_of_digits(json, begin + 1);
    } else {
      while (at < json.size() && json[at] != '"' && json[at] != '-' && !is_digit(json[at])) ++at;
    }
    out += json.substr(begin, at - begin);
  }
  return out;
}

simdjson::error_code RowTree::parse(std::string_view json, simdjson::dom::element& row,
                                    bool padded) {
  const auto read = [&](std::string_view text, bool copy) {
    const auto error = parser_.parse(text.data(), text.size(), copy).get(row);
    if (error == simdjson::MEMALLOC) {
      parser_ = simdjson::dom::parser();  // simdjson 3.0 would go on in memory that it has not got
      throw std::bad_alloc();
    }
    return error;
  };
  rounded_ = false;
  const auto error = read(json, !padded);
  if (!error || error == simdjson::STRING_ERROR) return error;
  const std::string held = with_numbers_as_doubles(json);
  if (held == json) return error;
  rounded_ = true;
  return read(held, true);
}

}  // namespace lehr::text
