#include "text/words_and_lines.h"

namespace lehr::text {

char32_t take_code_point(std::string_view& text) {
  const auto at = [&](std::size_t i) -> char32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) & 0x3f : 0;
  };
  const auto first = static_cast<unsigned char>(text[0]);
  char32_t c = first;
  std::size_t size = 1;
  if (first >= 0xf0) {
    c = (first & 0x07u) << 18 | at(1) << 12 | at(2) << 6 | at(3);
    size = 4;
  } else if (first >= 0xe0) {
    c = (first & 0x0fu) << 12 | at(1) << 6 | at(2);
    size = 3;
  } else if (first >= 0xc0) {
    c = (first & 0x1fu) << 6 | at(1);
    size = 2;
  }
  text.remove_prefix(size < text.size() ? size : text.size());
  return c;
}

std::size_t count_code_points(std::string_view text) {
  std::size_t n = 0;
  for (const char byte : text) n += !is_continuation(byte);
  return n;
}

std::string_view strip_left(std::string_view text) {
  for (std::string_view rest = text; !rest.empty(); text = rest)
    if (!is_space(take_code_point(rest))) break;
  return text;
}

std::string_view strip_right(std::string_view text) {
  while (!text.empty()) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && is_continuation(text[begin])) --begin;
    std::string_view last = text.substr(begin);
    if (!is_space(take_code_point(last))) break;
    text = text.substr(0, begin);
  }
  return text;
}

void split_words(std::string_view text, std::vector<std::string_view>& words) {
  words.clear();
  const char* begin = nullptr;
  for (std::string_view rest = text; !rest.empty();) {
    const char* here = rest.data();
    if (!is_space(take_code_point(rest))) {
      if (begin == nullptr) begin = here;
    } else if (begin != nullptr) {
      words.emplace_back(begin, here - begin);
      begin = nullptr;
    }
  }
  if (begin != nullptr) words.emplace_back(begin, text.data() + text.size() - begin);
}

void split_lines(std::string_view text, std::vector<std::string_view>& lines) {
  lines.clear();
  const char* begin = text.data();
  for (std::string_view rest = text; !rest.empty();) {
    const char* here = rest.data();
    const char32_t c = take_code_point(rest);
    if (!character(c).is(Character::kLineEnd)) continue;
    lines.emplace_back(begin, here - begin);
    if (c == '\r' && !rest.empty() && rest[0] == '\n') rest.remove_prefix(1);
    begin = rest.data();
  }
  if (begin != text.data() + text.size())
    lines.emplace_back(begin, text.data() + text.size() - begin);
}

}  // namespace lehr::text
