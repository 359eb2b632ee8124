#include "runtime/config/literal.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "runtime/config/utf8.h"

namespace lehr::runtime {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

std::string quoted_beginning(std::string_view text) {
  return "'" + std::string(utf8_beginning(text, 80)) + "'";
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view without_sign(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return text;
}

// Why text that looks like a number to some YAML reader is not taken as one; empty if there is no
// such reason.
std::string surprise(std::string_view text) {
  const std::string_view digits = without_sign(text);
  if (digits.size() > 1 && digits[0] == '0' && is_digit(digits[1]))
    return quoted_beginning(text) +
           " has a leading zero, which some YAML readers take as octal. Write it without the zero";
  if (digits.starts_with("0x") || digits.starts_with("0o") || digits.starts_with("0b"))
    return quoted_beginning(text) + " is not decimal. Write the number in decimal";
  if (digits.size() > 1 && is_digit(digits[0]) && digits.find('_') != std::string_view::npos)
    return quoted_beginning(text) + " has an underscore. Write the digits without it";
  if (digits == ".inf" || digits == ".Inf" || digits == ".nan" || digits == ".NaN" ||
      digits == "inf" || digits == "nan" || digits == "NaN")
    return quoted_beginning(text) + " is not a finite number";
  return {};
}

// Number at the front of `text`; `rest` gets what follows it. False: there is none.
bool leading_number(std::string_view text, double& value, std::string_view& rest) {
  const bool plus = text.starts_with('+');
  const std::string_view from = plus ? text.substr(1) : text;
  if (from.empty() || (!is_digit(from[0]) &&
                       !(from[0] == '-' && from.size() > 1 && is_digit(from[1])) && from[0] != '.'))
    return false;
  const auto [end, error] = std::from_chars(from.data(), from.data() + from.size(), value);
  if (error != std::errc{}) return false;
  rest = from.substr(end - from.data());
  return true;
}

Read<double> with_unit(std::string_view text, std::span<const Unit> units,
                       const std::string& expected) {
  if (const std::string why = surprise(text); !why.empty()) return Read<double>::failed(why);
  double value = 0;
  std::string_view rest;
  if (!leading_number(text, value, rest))
    return Read<double>::failed("expected " + expected + ", got " + quoted_beginning(text));
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  for (const Unit& unit : units)
    if (rest == unit.name) {
      value *= unit.factor;
      return std::isfinite(value) ? Read<double>(value)
                                  : Read<double>::failed(quoted_beginning(text) + " is too large");
    }
  std::string meant;  // 64GB or 64GiB by 64G
  for (const Unit& unit : units)
    if (!rest.empty() && unit.name.starts_with(rest))
      meant += (meant.empty() ? ". Did you mean " : " or ") +
               std::string(text.substr(0, text.size() - rest.size())) + std::string(unit.name);
  return Read<double>::failed(
      "expected " + expected + ", got " + quoted_beginning(text) +
      (rest.empty() ? "" : " (unknown unit " + quoted_beginning(rest) + ")") +
      (meant.empty() ? "" : meant + "?"));
}

// "1h30m": parts, each of a smaller unit than the one before. Nothing: it is no such sum.
std::optional<double> sum_of_parts(std::string_view text, std::span<const Unit> units) {
  double sum = 0, last = std::numeric_limits<double>::infinity(), value = 0;
  do {
    if (text.empty() || !is_digit(text[0]) || !leading_number(text, value, text)) return {};
    const std::string_view name = text.substr(0, text.find_first_of(" 0123456789"));
    const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) {
      return !name.empty() && u.name == name && u.factor < last;
    });
    if (unit == units.end()) return {};
    sum += value * unit->factor;
    last = unit->factor;
    text.remove_prefix(name.size());
    if (text.size() > 1 && text[0] == ' ') text.remove_prefix(1);
  } while (!text.empty());
  return std::isfinite(sum) ? std::optional(sum) : std::nullopt;
}

Read<std::int64_t> whole(const Read<double>& value, std::string_view text) {
  if (!value) return Read<std::int64_t>::failed(value.reason());
  if (std::abs(*value) >= 9.2e18)
    return Read<std::int64_t>::failed(quoted_beginning(text) + " is too large");
  const double rounded = std::round(*value);
  // 1.1B is 1100000000.0000001 in binary.
  if (std::abs(rounded - *value) > 1e-9 * std::max(1.0, std::abs(rounded)) ||
      (std::abs(*value) < 1e6 && rounded != *value))
    return Read<std::int64_t>::failed(quoted_beginning(text) + " is not a whole number");
  return static_cast<std::int64_t>(rounded);
}

bool plain_integer(std::string_view text, std::int64_t& value) {
  const std::string_view from = text.starts_with('+') ? text.substr(1) : text;
  const auto [end, error] = std::from_chars(from.data(), from.data() + from.size(), value);
  return error == std::errc{} && end == from.data() + from.size() && !from.empty();
}

}  // namespace

Read<bool> read_bool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return Read<bool>::failed("expected true or false, got " + quoted_beginning(text));
}

Read<std::int64_t> read_int(std::string_view text) {
  if (const std::string why = surprise(text); !why.empty()) return Read<std::int64_t>::failed(why);
  std::int64_t value = 0;
  if (plain_integer(text, value)) return value;
  bool digits = !without_sign(text).empty();
  for (const char c : without_sign(text)) digits = digits && is_digit(c);
  if (digits) return Read<std::int64_t>::failed(quoted_beginning(text) + " is too large");
  return Read<std::int64_t>::failed("expected a whole number, got " + quoted_beginning(text));
}

Read<std::int64_t> read_count(std::string_view text) {
  std::int64_t value = 0;
  if (surprise(text).empty() && plain_integer(text, value)) return value;
  static constexpr Unit units[] = {{"", 1},    {"k", 1e3}, {"K", 1e3}, {"M", 1e6},
                                   {"G", 1e9}, {"B", 1e9}, {"T", 1e12}};
  return whole(with_unit(text, units, "a count such as 4096, 64k, 6M or 1.5B"), text);
}

Read<std::int64_t> read_bytes(std::string_view text) {
  std::int64_t value = 0;
  if (surprise(text).empty() && plain_integer(text, value)) return value;
  static constexpr double ki = 1024;
  static constexpr Unit units[] = {{"", 1},
                                   {"B", 1},
                                   {"kB", 1e3},
                                   {"KB", 1e3},
                                   {"MB", 1e6},
                                   {"GB", 1e9},
                                   {"TB", 1e12},
                                   {"KiB", ki},
                                   {"MiB", ki * ki},
                                   {"GiB", ki * ki * ki},
                                   {"TiB", ki * ki * ki * ki}};
  return whole(with_unit(text, units, "a size such as 4096, 64MiB or 1GB"), text);
}

Read<double> read_float(std::string_view text) {
  if (const std::string why = surprise(text); !why.empty()) return Read<double>::failed(why);
  double value = 0;
  std::string_view rest;
  if (!leading_number(text, value, rest) || !rest.empty() || !std::isfinite(value))
    return Read<double>::failed("expected a number, got " + quoted_beginning(text));
  return value;
}

Read<double> read_duration(std::string_view text) {
  static constexpr Unit units[] = {{"", 1},     {"ms", 1e-3}, {"s", 1},    {"m", 60},
                                   {"min", 60}, {"h", 3600},  {"d", 86400}};
  if (const auto sum = sum_of_parts(text, units)) return *sum;
  return with_unit(text, units, "a duration such as 90s, 30m or 1h30m");
}

std::string mistakable_for(std::string_view text) {
  for (const std::string_view word :
       {"true", "True", "TRUE", "false", "False", "FALSE", "yes", "Yes", "YES", "no", "No",
        "NO",   "on",   "On",   "ON",    "off",   "Off",   "OFF", "y",   "Y",   "n",  "N"})
    if (text == word) return "true or false";
  if (text.empty()) return {};
  if (!surprise(text).empty()) return "a number";
  double value = 0;
  std::string_view rest;
  if (leading_number(text, value, rest) && rest.empty()) return "a number";
  return {};
}

}  // namespace lehr::runtime
