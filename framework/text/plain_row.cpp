#include "text/plain_row.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "text/byte_vector.h"
#include "text/line_blocks.h"

namespace lehr::text {
namespace {

using namespace byte_vector;

static_assert(kWide <= LineBlock::kPadding, "special_mask reads beyond the lines");

// Of the bytes that are looked at at once, those that end a run in a string: a quote, a backslash,
// or a control character, which no string has.
std::uint64_t special_mask(const char* bytes) {
  const Vector v = load(bytes);
  return mask(either(either(is(v, '"'), is(v, '\\')), between(v, 0, 0x1f)));
}

// The first of them from `at` on. Not before the end if there is none.
std::size_t find_special(std::string_view bytes, std::size_t at) {
  for (; at < bytes.size(); at += kWide)
    if (const auto found = special_mask(bytes.data() + at); found != 0)
      return at + static_cast<std::size_t>(std::countr_zero(found));
  return at;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

char* write_utf8(char* out, unsigned code) {
  if (code < 0x80) {
    *out++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *out++ = static_cast<char>(0xc0 | code >> 6);
    *out++ = static_cast<char>(0x80 | (code & 0x3f));
  } else {
    *out++ = static_cast<char>(0xe0 | code >> 12);
    *out++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
    *out++ = static_cast<char>(0x80 | (code & 0x3f));
  }
  return out;
}

}  // namespace

bool PlainRow::read(std::string_view lines, std::string_view text_field,
                    std::string_view id_field) {
  lines_ = lines;
  at_ = 0;
  id = text = others = {};
  bool has_text = false, has_id = false;
  if (!skip_to('{')) return false;
  do {
    if (!skip_to('"')) return false;
    const std::size_t begin = at_ - 1;
    std::string_view name;
    if (!read_string(name, name_)) return false;
    if (!has_text && name == text_field) {
      if (!skip_to(':') || !skip_to('"') || !read_string(text, unescaped_text_)) return false;
      has_text = true;
    } else if (!has_id && name == id_field) {
      if (!skip_to(':') || !skip_to('"') || !read_string(id, unescaped_id_)) return false;
      has_id = true;
    } else if (has_text) {
      at_ = std::min(lines.find('\n', at_), lines.size());
      others = lines.substr(begin, at_ - begin);
      return end_row();
    } else {
      return false;
    }
  } while (skip_to(','));
  return has_text && skip_to('}') && end_row();
}

bool PlainRow::skip_to(char c) {
  while (at_ < lines_.size() && (lines_[at_] == ' ' || lines_[at_] == '\t')) ++at_;
  if (at_ == lines_.size() || lines_[at_] != c) return false;
  ++at_;
  return true;
}

bool PlainRow::read_string(std::string_view& value, std::string& unescaped) {
  const std::size_t end = find_special(lines_, at_);
  if (end >= lines_.size()) return false;
  if (lines_[end] == '\\') return unescape(value, unescaped);
  value = lines_.substr(at_, end - at_);
  at_ = end + 1;
  return lines_[end] == '"';
}

// Copies as much as is looked at at once, and goes on behind what is meant of it.
bool PlainRow::unescape(std::string_view& value, std::string& unescaped) {
  constexpr std::size_t kMost = kWide + 4;  // that is written before there is room again
  std::size_t used = 0;
  while (at_ < lines_.size()) {
    if (unescaped.size() < used + kMost) unescaped.resize(2 * (used + kMost));
    std::memcpy(unescaped.data() + used, lines_.data() + at_, kWide);
    const auto found = special_mask(lines_.data() + at_);
    const auto plain = found == 0 ? kWide : static_cast<std::size_t>(std::countr_zero(found));
    at_ += plain;
    used += plain;
    if (found == 0) continue;
    if (at_ >= lines_.size()) return false;
    const char special = lines_[at_++];
    if (special == '"') {
      value = std::string_view(unescaped).substr(0, used);
      return true;
    }
    char* const end = special == '\\' ? write_escape(unescaped.data() + used) : nullptr;
    if (end == nullptr) return false;
    used = static_cast<std::size_t>(end - unescaped.data());
  }
  return false;
}

// What stands behind a backslash; null if it is nothing, or half of a surrogate pair, which is not
// for here.
char* PlainRow::write_escape(char* out) {
  constexpr std::string_view kLetters = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
  if (at_ == lines_.size()) return nullptr;
  const char letter = lines_[at_++];
  if (const std::size_t which = kLetters.find(letter); which != kLetters.npos) {
    *out = kMeant[which];
    return out + 1;
  }
  if (letter != 'u' || lines_.size() - at_ < 4) return nullptr;
  unsigned code = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(lines_[at_++]);
    if (digit < 0) return nullptr;
    code = code << 4 | static_cast<unsigned>(digit);
  }
  return code >= 0xd800 && code <= 0xdfff ? nullptr : write_utf8(out, code);
}

bool PlainRow::end_row() {
  std::size_t end = at_;
  if (end > 0 && lines_[end - 1] == '\r') {
    --end;  // of the members behind, which end with the line
    if (!others.empty()) others.remove_suffix(1);
  } else if (end < lines_.size() && lines_[end] == '\r') {
    ++at_;
  }
  if (at_ < lines_.size() && lines_[at_] != '\n') return false;
  row = lines_.substr(0, end);
  size = std::min(at_ + 1, lines_.size());
  return true;
}

}  // namespace lehr::text
