#include "c4_quality.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "text/byte_vector.h"
#include "text/words_and_lines.h"
#include "threshold.h"

namespace lehr::plugins::filter {
namespace {

constexpr std::string_view kPolicies[] = {"terms of use", "privacy policy", "cookie policy",
                                          "uses cookies", "use of cookies", "use cookies"};

// How long the citation at the beginning of `text` is: "[12]", "[]", "[edit]", "[citation needed]";
// 0: there is none.
std::size_t citation_length(std::string_view text) {
  for (const std::string_view marker : {"[edit]", "[citation needed]"})
    if (text.starts_with(marker)) return marker.size();
  std::string_view rest = text.substr(1);
  while (!rest.empty()) {
    if (rest[0] == ']') return text.size() - rest.size() + 1;
    if (!text::character(text::take_code_point(rest)).is(text::Character::kDigit)) return 0;
  }
  return 0;
}

// The line without its citations, in `out` if it has any.
std::string_view without_citations(std::string_view line, std::string& out) {
  std::size_t from = 0;
  out.clear();
  for (std::size_t at = line.find('['); at != line.npos;) {
    const std::size_t length = citation_length(line.substr(at));
    if (length > 0) {
      out += line.substr(from, at - from);
      from = at + length;
    }
    at = line.find('[', at + (length > 0 ? length : 1));
  }
  if (from == 0) return line;
  out += line.substr(from);
  return out;
}

bool ends_a_sentence(std::string_view line) {
  return !line.empty() && std::string_view(".?!\"'").find(line.back()) != std::string_view::npos &&
         !line.ends_with("...");
}

// As str.lower() does it, for what could be part of an ASCII phrase: of all other characters only
// the Kelvin sign has a lower case there.
void lower_case(std::string_view text, std::string& out) {
  out.resize(text.size());
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = kOnes * 0x80;
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {  // eight letters at a time
    std::uint64_t bytes;
    std::memcpy(&bytes, text.data() + i, 8);
    const std::uint64_t low = bytes & ~kHighs;
    const std::uint64_t capitals = (low + kOnes * (0x80 - 'A')) & ~(low + kOnes * (0x7f - 'Z'));
    bytes |= (capitals & ~bytes & kHighs) >> 2;
    std::memcpy(out.data() + i, &bytes, 8);
  }
  for (; i < text.size(); ++i) {
    const char c = text[i];
    out[i] = static_cast<char>(c + (c >= 'A' && c <= 'Z' ? 'a' - 'A' : 0));
  }
  for (std::size_t at = out.find("\u212a"); at != out.npos; at = out.find("\u212a", at + 1))
    out.replace(at, 3, "k");
}

// Whether the phrase stands around text[at], which is its letter number `letter`.
bool stands_at(std::string_view text, std::size_t at, std::string_view phrase, std::size_t letter) {
  return at >= letter && text.substr(at - letter, phrase.size()) == phrase;
}

bool has_lorem_ipsum(std::string_view lower) { return lower.find("lorem ipsum") != lower.npos; }
bool has_javascript(std::string_view lower) { return lower.find("javascript") != lower.npos; }
bool has_policy(std::string_view lower) {
  for (const std::string_view policy : kPolicies)
    if (lower.find(policy) != lower.npos) return true;
  return false;
}

}  // namespace

void C4Quality::describe(Description& d) {
  d.summary("drops lines and documents by C4's rules; what stays of a document replaces it");
  d.boolean("remove_citations", remove_citations_).help("[12], [edit] and [citation needed]");
  d.boolean("terminal_punctuation", terminal_punctuation_)
      .help("lines must end in . ? ! \" or ', and not in an ellipsis");
  d.count("min_words_per_line", min_words_per_line_)
      .at_least(0)
      .help("words between whitespace; lines with fewer are dropped");
  d.count("max_word_length", max_word_length_)
      .at_least(0)
      .help("characters; lines with a longer word are dropped");
  d.count("min_sentences", min_sentences_)
      .at_least(0)
      .help("in the lines that stay; fewer: too_few_sentences");
  spacy_.describe(d,
                  "sentences as spaCy cuts them: a table that tools/spacy_table writes; without it "
                  "nearly so");
  d.boolean("drop_lorem_ipsum", drop_lorem_ipsum_).help("documents: lorem_ipsum");
  d.boolean("drop_javascript", drop_javascript_).help("lines with that word");
  d.boolean("drop_curly_bracket", drop_curly_bracket_).help("documents with a {: curly_bracket");
  d.boolean("drop_policy", drop_policy_)
      .help("lines about cookies, terms of use and privacy policies");
}

// All in one go, each by two of its letters that seldom stand together.
C4Quality::Phrases C4Quality::phrases_in(std::string_view text) {
  using namespace text::byte_vector;
  lower_case(text, lower_);
  const std::string_view lower = lower_;
  Phrases found{};
  const auto look_at = [&](std::size_t at) {
    found.lorem_ipsum |= stands_at(lower, at, "lorem ipsum", 7);
    found.javascript |= stands_at(lower, at, "javascript", 0);
    found.policy |= stands_at(lower, at, "cookie", 2) ||
                    stands_at(lower, at, "privacy policy", 5) ||
                    stands_at(lower, at, "terms of use", 2);
  };
  std::size_t at = 0;
  for (; at + kWide < lower.size(); at += kWide) {
    const Vector first = load(lower.data() + at), second = load(lower.data() + at + 1);
    const auto pair = [&](char a, char b) { return both(is(first, a), is(second, b)); };
    const Vector any = either(either(either(pair('p', 's'), pair('j', 'a')), pair('o', 'k')),
                              either(pair('c', 'y'), pair('r', 'm')));
    for (std::uint64_t left = mask(any); left != 0; left &= left - 1)
      look_at(at + static_cast<std::size_t>(std::countr_zero(left)));
  }
  for (; at < lower.size(); ++at) look_at(at);
  return found;
}

bool C4Quality::has_too_long_word(std::string_view line) {
  const auto longest = static_cast<std::size_t>(max_word_length_.value_or(0));
  if (longest == 0 || line.size() <= longest) return false;
  text::find_words(line, text::WordSplitter::whitespace, words_);
  for (const text::Span w : words_)
    if (text::count_code_points(line.substr(w.begin, w.end - w.begin)) > longest) return true;
  return false;
}

bool C4Quality::has_too_few_words(std::string_view line) {
  const auto enough = static_cast<std::size_t>(min_words_per_line_.value_or(0));
  if (enough == 0) return false;
  // The beginning of most lines is enough. Where it cuts a word, it still has the word's beginning.
  for (const std::size_t size : {std::min<std::size_t>(line.size(), 16 * enough), line.size()}) {
    text::find_words(line.substr(0, size), text::WordSplitter::whitespace, words_);
    if (words_.size() >= enough) return false;
  }
  return true;
}

C4Quality::Verdict C4Quality::judge(std::string_view& line) {
  if (has_too_long_word(line)) return Verdict::drop_line;
  const bool too_few_words = has_too_few_words(line);
  Phrases look_for = in_document_;
  if (remove_citations_ && line.find('[') != line.npos) {
    const std::size_t size = line.size();
    line = without_citations(line, cited_);
    if (line.size() < size) look_for = {true, true, true};  // what stood around one is now together
  }
  if (terminal_punctuation_ && !ends_a_sentence(line)) return Verdict::drop_line;
  if (too_few_words) return Verdict::drop_line;
  if (look_for.lorem_ipsum || look_for.javascript || look_for.policy) lower_case(line, lower_);
  if (drop_lorem_ipsum_ && look_for.lorem_ipsum && has_lorem_ipsum(lower_))
    return Verdict::lorem_ipsum;
  if (drop_javascript_ && look_for.javascript && has_javascript(lower_)) return Verdict::drop_line;
  if (drop_curly_bracket_ && line.find('{') != line.npos) return Verdict::curly_bracket;
  if (drop_policy_ && look_for.policy && has_policy(lower_)) return Verdict::drop_line;
  return Verdict::keep;
}

std::size_t C4Quality::count_sentences(std::string_view line, std::size_t enough) {
  if (text::SpacyWords* spacy = spacy_.words()) return spacy->count_sentences(line, enough);
  return text::count_sentences(line, enough, words_);
}

void C4Quality::process(Document& document) {
  const std::string_view text = document.text();
  in_document_ = phrases_in(text);
  text::split_lines(text, lines_);
  const auto enough = static_cast<std::size_t>(min_sentences_.value_or(0));
  std::size_t sentences = 0;
  bool first = true;
  kept_.clear();
  for (std::string_view line : lines_) {
    line = text::strip_right(text::strip_left(line));
    const Verdict verdict = judge(line);
    if (verdict == Verdict::lorem_ipsum) return document.drop("lorem_ipsum");
    if (verdict == Verdict::curly_bracket) return document.drop("curly_bracket");
    if (verdict == Verdict::drop_line) continue;
    if (sentences < enough) sentences += count_sentences(line, enough - sentences);
    if (!first) kept_ += '\n';
    first = false;
    kept_ += line;
  }
  if (sentences < enough) return document.drop("too_few_sentences");
  const std::string_view kept = text::strip_right(text::strip_left(kept_));
  if (kept != text) document.rewrite(std::string(kept));
}

}  // namespace lehr::plugins::filter
