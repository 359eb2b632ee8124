#include "text/pretokenizer.h"

#include <string>

#include <lehr/value.h>

#include "text/unicode_class.h"

namespace lehr::text {
namespace {

constexpr std::string_view kGpt2Regex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kCl100kRegex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kO200kRegex =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// One pre-token at a time over `text`; positions are byte offsets.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

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

  std::size_t cl100k(std::size_t at, int digits) const {
    if (const std::size_t end = contraction(at, true); end != at) return end;
    const Char first = char_at(text_, at);
    if (first.flags & kLetter) return run(at, kLetter);
    const std::size_t second = at + first.length;
    if (!(first.flags & (kNumber | kNewline)) && has(second, kLetter)) return run(second, kLetter);
    if (first.flags & kNumber) return numbers(at, digits);
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

}  // namespace

std::string_view pattern_name(Pattern pattern) {
  switch (pattern) {
    case Pattern::gpt2:
      return "gpt2";
    case Pattern::cl100k:
      return "cl100k";
    case Pattern::o200k:
      return "o200k";
    case Pattern::llama3:
      return "llama3";
    case Pattern::qwen2:
      return "qwen2";
  }
  throw Error("unknown pre-tokenizer pattern");
}

std::string_view pattern_regex(Pattern pattern) {
  switch (pattern) {
    case Pattern::gpt2:
      return kGpt2Regex;
    case Pattern::cl100k:
    case Pattern::llama3:
      return kCl100kRegex;
    case Pattern::o200k:
      return kO200kRegex;
    case Pattern::qwen2:
      return kQwen2Regex;
  }
  throw Error("unknown pre-tokenizer pattern");
}

Pattern pattern_from_name(std::string_view name) {
  std::string known;
  for (const Pattern p : kPatterns) {
    if (pattern_name(p) == name) return p;
    known += (known.empty() ? "" : ", ") + std::string(pattern_name(p));
  }
  throw Error("unknown pre-tokenizer pattern '" + std::string(name) + "'. Known: " + known);
}

std::optional<Pattern> pattern_from_regex(std::string_view regex) {
  for (const Pattern p : kPatterns)
    if (pattern_regex(p) == regex) return p;
  return std::nullopt;
}

std::size_t pretoken_end(Pattern pattern, std::string_view text, std::size_t at) {
  const Scanner scanner(text);
  switch (pattern) {
    case Pattern::gpt2:
      return scanner.gpt2(at);
    case Pattern::cl100k:
    case Pattern::llama3:
      return scanner.cl100k(at, 3);
    case Pattern::qwen2:
      return scanner.cl100k(at, 1);
    case Pattern::o200k:
      return scanner.o200k(at);
  }
  throw Error("unknown pre-tokenizer pattern");
}

}  // namespace lehr::text
