#include "text/oniguruma.h"

#include <lehr/value.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "text/regex_match.h"

namespace lehr::text {
namespace {

// For use inside a class. PCRE2's own \w knows less, its \s U+180E too.
constexpr std::string_view kWord = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
// By itself \w takes these numbers of Latin-1 too, inside a class it does not.
constexpr std::string_view kWordAlone =
    R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{b2}\x{b3}\x{b9}\x{bc}-\x{be})";
constexpr std::string_view kHexDigits = "0-9A-Fa-f";
// Ignoring case, Oniguruma takes each of these for one character of its own as well.
constexpr std::array<std::string_view, 5> kFoldedPairs = {"ss", "ff", "fi", "fl", "st"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Between a character of words and another, or not.
std::string boundary(bool between) {
  const std::string word = "[" + std::string(kWordAlone) + "]";
  const std::string before = "(?<=" + word + ")", not_before = "(?<!" + word + ")";
  const std::string after = "(?=" + word + ")", not_after = "(?!" + word + ")";
  return between ? "(?:" + before + not_after + "|" + not_before + after + ")"
                 : "(?:" + before + after + "|" + not_before + not_after + ")";
}

bool is_script(const std::string& name) {
  try {
    RegexCode("\\p{sc:" + name + "}");
    return true;
  } catch (const Error&) {
    return false;
  }
}

class Translation {
 public:
  explicit Translation(std::string_view expression) : in_(expression) {}

  Pcre2Expression run() {
    while (!ended()) outside();
    return std::move(out_);
  }

 private:
  bool ended() const { return at_ >= in_.size(); }
  bool next_is(std::string_view text) const { return in_.substr(at_).starts_with(text); }
  void write(std::string_view text) { out_.text += text; }
  void write_as(std::string_view text, std::size_t taken) {
    write(text);
    at_ += taken;
    literal_ = '\0';
  }
  void copy(std::size_t count) { write_as(in_.substr(at_, count), count); }

  [[noreturn]] void refuse(const std::string& what, const std::string& instead) const {
    throw Error(what + " at character " + std::to_string(at_ + 1) +
                " is not supported, as engines differ in what it means. " + instead);
  }

  void outside() {
    switch (in_[at_]) {
      case '\\':
        return escape(false);
      case '[':
        return character_class();
      case '(':
        return open_group();
      case ')':
        if (ignores_case_.size() > 1) ignores_case_.pop_back();
        return copy(1);
      case '{':
        return interval();
      case '^':
        out_.line_anchors = true;
        return write_as(R"((?:\A|(?<=\n)(?!\z)))", 1);
      case '$':
        out_.line_anchors = true;
        return write_as(R"((?=\n|\z))", 1);
      default:
        return literal();
    }
  }

  void literal() {
    const char c = in_[at_];
    if (ignores_case_.back()) {
      const char pair[] = {lower(literal_), lower(c)};
      if (static_cast<unsigned char>(c) >= 0x80 ||
          std::count(kFoldedPairs.begin(), kFoldedPairs.end(), std::string_view(pair, 2)))
        refuse("what is beyond ASCII, or one of ss ff fi fl st, under (?i",
               "Write both cases out, as [sS][tT]");
    }
    copy(1);
    literal_ = c;
  }

  void open_group() {
    if (next_is("(*")) refuse("(*", "Leave it out, or write \\(\\*");
    if (!next_is("(?")) return open(1, ignores_case_.back());
    for (const std::string_view plain : {"(?:", "(?=", "(?!", "(?>", "(?<"})
      if (next_is(plain)) return open(plain.size(), ignores_case_.back());
    if (next_is("(?i:")) return open(4, true);
    if (next_is("(?-i:")) return open(5, false);
    if (!next_is("(?i)") || at_ != 0)
      refuse("'" + std::string(in_.substr(at_, 4)) + "'",
             "(?: (?= (?! (?<= (?<! (?> (?i: and, at the very beginning, (?i) are");
    ignores_case_.back() = true;
    copy(4);
  }

  void open(std::size_t size, bool ignores_case) {
    copy(size);
    ignores_case_.push_back(ignores_case);
  }

  void interval() {
    std::size_t end = at_ + 1;
    while (end < in_.size() && (is_digit(in_[end]) || in_[end] == ',')) ++end;
    if (end == in_.size() || in_[end] != '}' || end == at_ + 1) return copy(1);
    const auto counts = in_.substr(at_ + 1, end - at_ - 1);
    const std::string written = "{" + std::string(counts) + "}";
    const char after = end + 1 < in_.size() ? in_[end + 1] : '\0';
    if (counts[0] == ',') refuse(written, "Write {0" + std::string(counts) + "}");
    if (after == '+') refuse(written + "+", "Write " + written + ", or (?>x" + written + ")");
    if (after == '?' && counts.find(',') == counts.npos) refuse(written + "?", "Leave out the ?");
    copy(end + 1 - at_);
  }

  void character_class() {
    copy(next_is("[^") ? 2 : 1);
    if (next_is("]")) refuse("a class that begins with ]", "Write \\]");
    while (!ended() && in_[at_] != ']') {
      if (in_[at_] == '[')
        refuse("[ inside a class", "Write \\[ for the character, \\p{...} for a named class");
      if (next_is("&&")) refuse("&& inside a class", "Write \\& for the character");
      if (in_[at_] == '\\')
        escape(true);
      else
        literal();
      literal_ = '\0';
    }
    if (!ended()) copy(1);
  }

  // One that stands for a set of characters, given as what is in it.
  void set(std::string_view members, bool inverted, bool in_class) {
    if (in_class && inverted)
      refuse(std::string(in_.substr(at_, 2)) + " inside a class", "Write it outside");
    if (in_class) return write_as(members, 2);
    write_as(std::string(inverted ? "[^" : "[") + std::string(members) + "]", 2);
  }

  void escape(bool in_class) {
    const char c = at_ + 1 < in_.size() ? in_[at_ + 1] : '\0';
    switch (c) {
      case 's':
        return write_as(R"(\p{White_Space})", 2);
      case 'S':
        return write_as(R"(\P{White_Space})", 2);
      case 'w':
      case 'W':
        return set(in_class ? kWord : kWordAlone, c == 'W', in_class);
      case 'h':
      case 'H':
        return set(kHexDigits, c == 'H', in_class);
      case 'v':
        return write_as(R"(\x0b)", 2);
      case 'u':
        return code_point(2, 4);
      case 'x':
        return at_ + 2 < in_.size() && in_[at_ + 2] == '{'
                   ? code_point(3, in_.find('}', at_) - at_ - 3)
                   : code_point(2, 2);
      case 'p':
      case 'P':
        return property();
      case 'b':
        if (!in_class) return write_as(boundary(true), 2);
        return copy(2);
      case 'B':
        if (!in_class) return write_as(boundary(false), 2);
        break;
      case 'd':
      case 'D':
      case 'n':
      case 'r':
      case 't':
      case 'f':
      case 'a':
      case 'e':
        return copy(2);
      default:
        if (!is_letter(c) && !is_digit(c)) return copy(2);
        if (!in_class && std::string_view("AzZRKk123456789").find(c) != std::string_view::npos)
          return copy(2);
    }
    refuse("'" + std::string(in_.substr(at_, 2)) + "'" + (in_class ? " inside a class" : ""),
           "Write the characters that are meant");
  }

  // `digits` hexadecimal ones, `before` characters from here.
  void code_point(std::size_t before, std::size_t digits) {
    const auto hex = in_.substr(std::min(at_ + before, in_.size()), digits);
    unsigned value = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
    const bool braced = before == 3;
    const bool whole = error == std::errc() && end == hex.data() + hex.size() &&
                       (braced ? digits < in_.size() : hex.size() == digits);
    if (!whole || (!braced && digits == 2 && value >= 0x80))  // one byte of a character there
      refuse("'" + std::string(in_.substr(at_, 4)) + "'", "Write \\x{...} with hexadecimal digits");
    if (ignores_case_.back()) refuse("a character by its number, under (?i", "Write it as it is");
    write_as("\\x{" + std::string(hex) + "}", before + hex.size() + braced);
  }

  void property() {
    const std::size_t close = in_.find('}', at_);
    if (close == in_.npos || in_[at_ + 2] != '{') refuse("\\p without {...}", "Write \\p{L}");
    if (ignores_case_.back()) refuse("\\p{...} under (?i", "Write it outside that group");
    bool inverted = in_[at_ + 1] == 'P';
    std::string name(in_.substr(at_ + 3, close - at_ - 3));
    if (name.starts_with('^')) {
      inverted = !inverted;
      name.erase(0, 1);
    }
    if (name.find_first_of("=:&") != name.npos)
      refuse("\\p{" + name + "}", "Write the name of a category or script alone");
    write_as((inverted ? "\\P{" : "\\p{") + std::string(is_script(name) ? "sc:" : "") + name + "}",
             close + 1 - at_);
  }

  std::string_view in_;
  std::size_t at_ = 0;
  Pcre2Expression out_;
  std::vector<bool> ignores_case_ = {false};  // of each open group
  char literal_ = '\0';                       // the one before, if it was one
};

}  // namespace

Pcre2Expression pcre2_of_oniguruma(std::string_view expression) {
  return Translation(expression).run();
}

}  // namespace lehr::text
