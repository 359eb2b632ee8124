// The expressions of well-known tokenizers scanned by hand, one character at a time: works for any
// bytes, and is what faster code is held against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text/pretokenizer.h"
#include "text/unicode_class.h"

namespace lehr::text {

// Positions are byte offsets in `text`. The functions give the end of the pre-token at `at`.
class PatternScanner {
 public:
  explicit PatternScanner(std::string_view text) : text_(text) {}

  std::size_t gpt2(std::size_t at) const {
    if (const std::size_t end = contraction(at, false); end != at) return end;
    const std::size_t word = text_[at] == ' ' ? at + 1 : at;
    if (word < text_.size()) {
      const std::uint8_t flags = flags_at(word);
      if (flags & kLetter) return run(word, kLetter);
      if (flags & kNumber) return run(word, kNumber);
      if (!(flags & kSpace)) return symbols(word);
    }
    return spaces(at, run(at, kSpace));
  }

  // As gpt2 between the digits, before which it has nothing to join spaces to.
  std::size_t smollm(std::size_t at) const {
    if (has(at, kNumber)) return at + char_at(text_, at).length;
    const std::size_t end = run(at, kSpace);
    return end != at && has(end, kNumber) ? end : gpt2(at);
  }

  // end_is_one: white space at the end of the text is one piece, line ends or not.
  std::size_t cl100k(std::size_t at, int digits, bool end_is_one = false) const {
    if (const std::size_t end = contraction(at, true); end != at) return end;
    const Char first = char_at(text_, at);
    if (first.flags & kLetter) return run(at, kLetter);
    const std::size_t second = at + first.length;
    if (!(first.flags & (kNumber | kNewline)) && has(second, kLetter)) return run(second, kLetter);
    if (first.flags & kNumber) return numbers(at, digits);
    if (end_is_one && (first.flags & kSpace) && run(at, kSpace) == text_.size())
      return text_.size();
    return symbols_or_spaces(at, false);
  }

  std::size_t o200k(std::size_t at) const {
    const Char first = char_at(text_, at);
    // Both expressions may begin with one character that is no letter, number or line end.
    const bool prefix = !(first.flags & (kNewline | kLetter | kNumber));
    const std::size_t second = at + first.length;
    if (prefix)
      if (const std::size_t end = lower_word(second); end != second) return suffix(end);
    if (const std::size_t end = lower_word(at); end != at) return suffix(end);
    if (prefix && has(second, kUpper)) return suffix(run(second, kUpper));
    if (first.flags & kUpper) return suffix(run(at, kUpper));
    if (first.flags & kNumber) return numbers(at, 3);
    return symbols_or_spaces(at, true);
  }

 private:
  std::uint8_t flags_at(std::size_t at) const { return char_at(text_, at).flags; }
  bool has(std::size_t at, std::uint8_t flags) const {
    return at < text_.size() && (flags_at(at) & flags);
  }

  // End of the run of characters with one of `flags`; `at` if there is none.
  std::size_t run(std::size_t at, std::uint8_t flags) const {
    while (at < text_.size()) {
      const Char c = char_at(text_, at);
      if (!(c.flags & flags)) break;
      at += c.length;
    }
    return at;
  }

  // [^\s\p{L}\p{N}]+
  std::size_t symbols(std::size_t at) const {
    while (at < text_.size()) {
      const Char c = char_at(text_, at);
      if (c.flags & (kSpace | kLetter | kNumber)) break;
      at += c.length;
    }
    return at;
  }

  std::size_t numbers(std::size_t at, int most) const {
    for (int i = 0; i < most && has(at, kNumber); ++i) at += char_at(text_, at).length;
    return at;
  }

  //  ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+     (with `slash`: [\r\n/]*)
  std::size_t symbols_or_spaces(std::size_t at, bool slash) const {
    const std::size_t word = text_[at] == ' ' ? at + 1 : at;
    std::size_t end = symbols(word);
    if (end != word) {
      while (end < text_.size() &&
             (text_[end] == '\r' || text_[end] == '\n' || (slash && text_[end] == '/')))
        ++end;
      return end;
    }
    end = run(at, kSpace);
    const std::size_t newline = text_.substr(at, end - at).find_last_of("\r\n");
    return newline != std::string_view::npos ? at + newline + 1 : spaces(at, end);
  }

  // \s+(?!\S)|\s+ over a run [at, end): all of it at the end of the text or when it is one
  // character; else all but the last character, which goes with the word that follows.
  std::size_t spaces(std::size_t at, std::size_t end) const {
    if (end == text_.size()) return end;
    std::size_t last = end - 1;
    while ((static_cast<unsigned char>(text_[last]) & 0xC0) == 0x80) --last;
    return last == at ? end : last;
  }

  // End of 's 't 're 've 'm 'll 'd at `at`, or `at`. Ignoring case, U+017F (long s) is an s.
  std::size_t contraction(std::size_t at, bool ignore_case) const {
    const std::string_view rest = text_.substr(at, 3);
    if (rest.size() < 2 || rest[0] != '\'') return at;
    const auto lower = [&](char c) {
      return ignore_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    };
    const char a = lower(rest[1]);
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return at + 2;
    if (rest.size() < 3) return at;
    if (ignore_case && rest.substr(1) == "\xC5\xBF") return at + 3;
    const char b = lower(rest[2]);
    const bool known = (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l');
    return known ? at + 3 : at;
  }
  std::size_t suffix(std::size_t at) const { return contraction(at, true); }

  // UPPER*LOWER+ with marks and caseless letters in both sets: if no lower-case letter follows the
  // run of UPPER, it gives back what it can until its last character is in LOWER too.
  std::size_t lower_word(std::size_t at) const {
    std::size_t end = at, last_in_both = at;
    while (end < text_.size()) {
      const Char c = char_at(text_, end);
      if (!(c.flags & kUpper)) break;
      end += c.length;
      if (c.flags & kLower) last_in_both = end;
    }
    return has(end, kLower) ? run(end, kLower) : last_in_both;
  }

  std::string_view text_;
};

// End of the pre-token that starts at byte `at` < text.size(). Linear in its length, but for the
// white space before a word, which may be read twice.
template <Pattern P>
std::size_t pretoken_end(std::string_view text, std::size_t at) {
  const PatternScanner scanner(text);
  if constexpr (P == Pattern::gpt2) return scanner.gpt2(at);
  if constexpr (P == Pattern::smollm) return scanner.smollm(at);
  if constexpr (P == Pattern::cl100k || P == Pattern::llama3) return scanner.cl100k(at, 3);
  if constexpr (P == Pattern::cl100k_tiktoken) return scanner.cl100k(at, 3, true);
  if constexpr (P == Pattern::qwen2) return scanner.cl100k(at, 1);
  if constexpr (P == Pattern::o200k) return scanner.o200k(at);
}

}  // namespace lehr::text
