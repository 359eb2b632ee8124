#include "personal_data.h"

#include <array>
#include <cstdint>

#include "text/words_and_lines.h"

namespace lehr::plugins::filter {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }
bool is_host(char c) { return is_alphanumeric(c) || c == '-'; }

constexpr auto kAtomCharacters = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = table[c - 'a' + 'A'] = true;
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (const char c : std::string_view("!#$%&'*+/=?^_`{|}~-"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();
bool is_atom(char c) { return kAtomCharacters[static_cast<unsigned char>(c)]; }

// What \b goes by: letters, digits and _ of any script.
bool is_word_before(std::string_view text, std::size_t at) {
  if (at == 0) return false;
  std::size_t begin = at - 1;
  while (begin > 0 && text::is_continuation(text[begin])) --begin;
  text = text.substr(begin);
  const char32_t c = text::take_code_point(text);
  return c == '_' || text::character(c).is(text::Character::kAlphanumeric);
}
bool is_word_boundary(std::string_view text, std::size_t at) {  // before an ASCII character
  const bool after = is_alphanumeric(text[at]) || text[at] == '_';
  return is_word_before(text, at) != after;
}

// One to three digits at `at` that are a number up to 255; 0 unless they are all the digits there.
std::size_t octet(std::string_view text, std::size_t at) {
  std::size_t size = 0;
  while (at + size < text.size() && is_digit(text[at + size]) && size < 4) ++size;
  if (size == 0 || size > 3) return 0;
  if (size < 3 || text[at] <= '1') return size;
  return text.substr(at, 3) <= "255" ? 3 : 0;
}

// The same where more digits may follow: as many as make a number up to 255.
std::size_t last_octet(std::string_view text, std::size_t at) {
  std::size_t size = 0;
  while (size < 3 && at + size < text.size() && is_digit(text[at + size])) ++size;
  const bool too_large = size == 3 && text[at] > '1' && text.substr(at, 3) > "255";
  return too_large ? 2 : size;
}

// "1.2.3." at `at`; 0: there is none.
std::size_t three_octets(std::string_view text, std::size_t at) {
  std::size_t end = at;
  for (int i = 0; i < 3; ++i) {
    const std::size_t size = octet(text, end);
    end += size;
    if (size == 0 || end == text.size() || text[end] != '.') return 0;
    ++end;
  }
  return end - at;
}

// Where the host name at `at` ends; 0: there is none.
std::size_t host_end(std::string_view text, std::size_t at) {
  std::size_t best = 0;
  for (int labels = 1;; ++labels) {
    if (at == text.size() || !is_alphanumeric(text[at])) return best;
    std::size_t end = at, last = at;  // last: the alphanumeric character furthest on
    for (; end < text.size() && is_host(text[end]); ++end)
      if (text[end] != '-') last = end;
    if (labels > 1) best = last + 1;
    if (last + 1 != end || end == text.size() || text[end] != '.') return best;
    at = end + 1;
  }
}

// Where "[1.2.3.4]" or "[1.2.3.tag:]" at `at` ends; 0: there is none.
std::size_t literal_end(std::string_view text, std::size_t at) {
  if (at == text.size() || text[at] != '[') return 0;
  const std::size_t three = three_octets(text, ++at);
  if (three == 0) return 0;
  at += three;
  std::size_t end = at + octet(text, at);
  if (end > at && end < text.size() && text[end] == ']') return end + 1;
  for (end = at; end < text.size() && is_host(text[end]);) ++end;
  if (end == at || text[end - 1] == '-') return 0;
  return text.substr(end, 2) == ":]" ? end + 2 : 0;
}

// Where the atoms before the "@" at `at` begin, at `from` or later; `at`: there are none.
std::size_t atoms_begin(std::string_view text, std::size_t from, std::size_t at) {
  std::size_t begin = at;
  while (begin > from &&
         (is_atom(text[begin - 1]) || (text[begin - 1] == '.' && begin < at && text[begin] != '.')))
    --begin;
  while (begin < at && (text[begin] == '.' || !is_word_boundary(text, begin))) ++begin;
  return begin;
}

}  // namespace

bool find_email(std::string_view text, std::size_t from, std::size_t& begin, std::size_t& end) {
  std::size_t earliest = from;
  for (std::size_t at = text.find('@', from); at != text.npos; at = text.find('@', at + 1)) {
    end = host_end(text, at + 1);
    if (end == 0) end = literal_end(text, at + 1);
    if (end != 0) {
      begin = atoms_begin(text, earliest, at);
      if (begin < at) return true;
    }
    earliest = at + 1;  // no atom holds an "@"
  }
  return false;
}

bool find_ipv4(std::string_view text, std::size_t from, std::size_t& begin, std::size_t& end) {
  for (std::size_t dot = text.find('.', from); dot != text.npos; dot = text.find('.', dot + 1)) {
    if (dot + 1 == text.size() || !is_digit(text[dot + 1])) continue;
    begin = dot;
    while (begin > from && dot - begin < 3 && is_digit(text[begin - 1])) --begin;
    while (begin < dot && three_octets(text, begin) == 0) ++begin;
    if (begin == dot) continue;
    end = begin + three_octets(text, begin);
    const std::size_t last = last_octet(text, end);
    if (last == 0) continue;
    end += last;
    return true;
  }
  return false;
}

bool is_proper_ipv4(std::string_view address) {
  for (std::size_t at = 0; at + 1 < address.size(); ++at) {
    const bool begins = at == 0 || address[at - 1] == '.';
    if (begins && address[at] == '0' && is_digit(address[at + 1])) return false;
  }
  return true;
}

bool is_public_ipv4(std::string_view address) {
  if (!is_proper_ipv4(address)) return false;
  std::uint32_t ip = 0;
  for (std::size_t at = 0; at < address.size(); ++at) {
    std::uint32_t part = 0;
    for (; at < address.size() && is_digit(address[at]); ++at)
      part = part * 10 + static_cast<std::uint32_t>(address[at] - '0');
    ip = ip << 8 | part;
  }
  struct Network {
    std::uint32_t address;
    int bits;
  };
  constexpr Network kNotPublic[] = {
      {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
      {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0a80000, 16}, {0xc6120000, 15},
      {0xc6336400, 24}, {0xcb007100, 24}, {0xf0000000, 4}};
  if (ip == 0xc0000009 || ip == 0xc000000a) return true;  // anycast within 192.0.0.0/24
  for (const Network& network : kNotPublic)
    if ((ip ^ network.address) >> (32 - network.bits) == 0) return false;
  return true;
}

namespace {

constexpr std::size_t kFewestDigits = 8, kMostDigits = 15;

bool is_separator(char c) {
  return c == ' ' || c == '.' || c == '-' || c == '(' || c == ')' || c == '/';
}

// "+49 (30) 123 45-67" at `at`; 0: there is none. At most two separators stand together.
std::size_t international_end(std::string_view text, std::size_t at) {
  std::size_t digits = 0, separators = 0, end = at + 1, last = at;
  for (; end < text.size(); ++end) {
    if (is_digit(text[end])) {
      if (++digits > kMostDigits) return 0;
      separators = 0;
      last = end;
    } else if (!is_separator(text[end]) || digits == 0 || ++separators > 2) {
      break;
    }
  }
  return digits >= kFewestDigits ? last + 1 : 0;
}

// Digits at `at`: exactly so many.
bool has_digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return false;
  for (std::size_t i = at; i < at + count; ++i)
    if (!is_digit(text[i])) return false;
  return true;
}

// "(212) 555-0199" or "212-555-0199" at `at`; 0: there is none.
std::size_t american_end(std::string_view text, std::size_t at) {
  const bool bracket = text[at] == '(';
  at += bracket;
  if (!has_digits(text, at, 3) || text[at] < '2') return 0;
  at += 3;
  const auto is = [&](char c) { return at < text.size() && text[at] == c; };
  if (bracket) {
    if (!is(')')) return 0;
    ++at;
    at += is(' ');
  } else {
    if (!is('-') && !is('.') && !is(' ')) return 0;
    ++at;
  }
  if (!has_digits(text, at, 3)) return 0;
  at += 3;
  if (!is('-') && !is('.') && !is(' ')) return 0;
  ++at;
  return has_digits(text, at, 4) ? at + 4 : 0;
}

}  // namespace

bool find_phone(std::string_view text, std::size_t from, std::size_t& begin, std::size_t& end) {
  for (begin = from; begin < text.size(); ++begin) {
    const char c = text[begin];
    if (c != '+' && c != '(' && !is_digit(c)) continue;
    if (begin > 0 && (is_word_before(text, begin) || text[begin - 1] == '+')) continue;
    end = c == '+' ? international_end(text, begin) : american_end(text, begin);
    if (end == 0) continue;
    const bool more = end < text.size() && (is_alphanumeric(text[end]) || text[end] == '_');
    if (!more) return true;
  }
  return false;
}

}  // namespace lehr::plugins::filter
