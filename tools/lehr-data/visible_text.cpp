#include "visible_text.h"

#include <cstdio>

#include "text/utf8_repair.h"

namespace lehr::data {
namespace {

// Bytes of the valid UTF-8 character at the beginning of `text`, and its code point.
std::size_t character(std::string_view text, std::uint32_t& code) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  code = size == 1 ? first : first & (0xff >> (size + 1));
  for (std::size_t i = 1; i < size; ++i)
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  return size;
}

bool is_dangerous(std::uint32_t c) {
  const bool control = (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0);
  const bool direction = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
                         c == 0x200e || c == 0x200f || c == 0x061c;
  return control || direction || c == 0x2028 || c == 0x2029 || c == 0xfeff;
}

void append_escape(std::string& out, const char* form, std::uint32_t value) {
  char escape[24];
  std::snprintf(escape, sizeof escape, form, value);
  out += escape;
}

constexpr const char* kReset = "\033[0m";

}  // namespace

std::string visible(std::string_view text) {
  std::string out;
  if (!text::is_valid_utf8(text)) {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x80 && !is_dangerous(byte))
        out += c;
      else
        append_escape(out, "\\x%02x", byte);
    }
    return out;
  }
  while (!text.empty()) {
    std::uint32_t code;
    const std::size_t size = character(text, code);
    if (!is_dangerous(code))
      out += text.substr(0, size);
    else
      append_escape(out, code < 0x80 ? "\\x%02x" : "\\u{%x}", code);
    text.remove_prefix(size);
  }
  return out;
}

std::string visible_tokens(const text::Tokenizer& tokenizer, std::span<const text::TokenId> ids,
                           const TokenStyle& style) {
  std::string out;
  bool was_trained = false;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const bool trained = i < style.trained.size() && style.trained[i] != 0;
    std::string token = visible(tokenizer.token_bytes(ids[i]));
    if (!style.color) {
      if (was_trained && !trained) out += "»";
      if (i > 0) out += '|';
      if (trained && !was_trained) out += "«";
      out += token;
    } else {
      // Two pastel grounds in turn, under black: readable on light and dark terminals.
      const char* ground = tokenizer.is_special(ids[i]) ? "\033[30;48;5;218m"
                           : trained ? (i % 2 ? "\033[30;48;5;120m" : "\033[30;48;5;157m")
                           : !style.trained.empty()
                               ? (i % 2 ? "\033[30;48;5;252m" : "\033[30;48;5;255m")
                           : i % 2 ? "\033[30;48;5;223m"
                                   : "\033[30;48;5;153m";
      std::string painted = ground;
      for (const char c : token) {
        if (c == '\n')
          (painted += "↵") += kReset + std::string("\n") + ground;
        else
          painted += c;
      }
      out += painted + kReset;
    }
    was_trained = trained;
  }
  if (!style.color && was_trained) out += "»";
  return out;
}

}  // namespace lehr::data
