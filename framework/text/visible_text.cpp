#include "text/visible_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdio>

#include "text/utf8_repair.h"

namespace lehr::text {
namespace {

// Code point of the valid character `bytes`.
std::uint32_t code_point(std::string_view bytes) {
  const auto first = static_cast<unsigned char>(bytes[0]);
  std::uint32_t code = bytes.size() == 1 ? first : first & (0xff >> (bytes.size() + 1));
  for (std::size_t i = 1; i < bytes.size(); ++i)
    code = code << 6 | (static_cast<unsigned char>(bytes[i]) & 0x3f);
  return code;
}

std::size_t columns(std::uint32_t code) {
  return static_cast<std::size_t>(utf8proc_charwidth(static_cast<utf8proc_int32_t>(code)));
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

void append_code(std::string& out, std::uint32_t code) {
  append_escape(out, code < 0x80 ? "\\x%02x" : "\\u{%x}", code);
}

// Calls valid(code point, its bytes) for each character; bytes that are none go to `out`, escaped.
template <class Valid>
void for_each_character(std::string_view text, std::string& out, Valid valid) {
  while (!text.empty()) {
    const auto [size, whole] = utf8_head(text);
    const std::string_view bytes = text.substr(0, size);
    if (whole)
      valid(code_point(bytes), bytes);
    else
      for (const char c : bytes) append_escape(out, "\\x%02x", static_cast<unsigned char>(c));
    text.remove_prefix(size);
  }
}

constexpr const char* kReset = "\033[0m";

bool is_trained(const TokenStyle& style, std::size_t i) {
  return i < style.trained.size() && style.trained[i] != 0;
}

// Of the i-th token. Two pastel grounds in turn, under black: readable on light and dark terminals.
const char* ground_of(const Tokenizer& tokenizer, TokenId id, std::size_t i,
                      const TokenStyle& style) {
  if (tokenizer.is_special(id)) return "\033[30;48;5;218m";
  if (is_trained(style, i)) return i % 2 ? "\033[30;48;5;120m" : "\033[30;48;5;157m";
  if (!style.trained.empty()) return i % 2 ? "\033[30;48;5;252m" : "\033[30;48;5;255m";
  return i % 2 ? "\033[30;48;5;223m" : "\033[30;48;5;153m";
}

}  // namespace

std::string visible(std::string_view text) {
  std::string out;
  for_each_character(text, out, [&](std::uint32_t code, std::string_view bytes) {
    if (is_dangerous(code))
      append_code(out, code);
    else
      out += bytes;
  });
  return out;
}

std::string quoted_piece(std::string_view bytes) {
  std::string out = "\"";
  for_each_character(bytes, out, [&](std::uint32_t code, std::string_view character) {
    if (code == '\n')
      out += "\\n";
    else if (code == '\t')
      out += "\\t";
    else if (code == '"' || code == '\\')
      (out += '\\') += character;
    else if (is_dangerous(code) || columns(code) == 0)
      append_code(out, code);
    else
      out += character;
  });
  return out + "\"";
}

std::size_t column_width(std::string_view text) {
  std::size_t width = 0;
  std::string ignored;
  for_each_character(text, ignored,
                     [&](std::uint32_t code, std::string_view) { width += columns(code); });
  return width;
}

std::string visible_tokens(const Tokenizer& tokenizer, std::span<const TokenId> ids,
                           const TokenStyle& style) {
  std::string out;
  bool was_trained = false;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const bool trained = is_trained(style, i);
    std::string token = visible(tokenizer.token_bytes(ids[i]));
    if (!style.color) {
      if (was_trained && !trained) out += "»";
      if (i > 0) out += '|';
      if (trained && !was_trained) out += "«";
      out += token;
    } else {
      const char* ground = ground_of(tokenizer, ids[i], i, style);
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

std::string token_lines(const Tokenizer& tokenizer, std::span<const TokenId> ids,
                        const TokenStyle& style) {
  const std::size_t digits = std::to_string(tokenizer.vocab_size() - 1).size();
  std::string out;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string id = std::to_string(ids[i]);
    std::string piece = quoted_piece(tokenizer.token_bytes(ids[i]));
    if (style.color) piece = ground_of(tokenizer, ids[i], i, style) + piece + kReset;
    out.append(digits - std::min(digits, id.size()), ' ') += id + "  " + piece;
    out += is_trained(style, i) ? "  trained\n" : "\n";
  }
  return out;
}

}  // namespace lehr::text
