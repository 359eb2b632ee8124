#include "text/answer_match.h"

#include <algorithm>

namespace lehr::text {
namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c & 0x80) != 0;
}

std::string lower_plain(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 3) == "\u2019") {
      out += '\'';
      i += 2;
    } else {
      out += text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    }
  }
  return out;
}

}  // namespace

std::string normalized_answer(std::string_view answer) {
  std::string text = lower_plain(answer);
  const auto trim_end = [&] {
    while (!text.empty() && (is_space(text.back()) || text.back() == '.' || text.back() == '!' ||
                             text.back() == '?'))
      text.pop_back();
  };
  trim_end();
  const auto begin = std::find_if_not(text.begin(), text.end(), is_space);
  text.erase(text.begin(), begin);
  for (const std::string_view article : {"the ", "a ", "an "})
    if (text.starts_with(article)) {
      text.erase(0, article.size());
      break;
    }
  return text;
}

bool is_exact(std::string_view answer, std::span<const std::string> accepted) {
  const std::string text = normalized_answer(answer);
  return std::ranges::any_of(accepted,
                             [&](const std::string& a) { return normalized_answer(a) == text; });
}

bool begins_with(std::string_view text, std::span<const std::string> accepted) {
  const std::string plain = normalized_answer(text);
  return std::ranges::any_of(accepted, [&](const std::string& a) {
    const std::string wanted = normalized_answer(a);
    return !wanted.empty() && plain.starts_with(wanted) &&
           (plain.size() == wanted.size() || !is_word(plain[wanted.size()]));
  });
}

bool is_refusal(std::string_view answer, std::span<const std::string> phrases) {
  const std::string plain = normalized_answer(answer);
  return std::ranges::any_of(
      phrases, [&](const std::string& p) { return plain.starts_with(normalized_answer(p)); });
}

}  // namespace lehr::text
