#include "text/spacy_words.h"

#include <lehr/value.h>

#include <span>
#include <utility>

#include "text/spacy_rules.h"
#include "text/word_table.h"
#include "text/words_and_lines.h"

namespace lehr::text {
namespace {

using spacy::part;
using spacy::Token;

// What a thread remembers of pieces it has cut, at most about 9 MB.
constexpr std::size_t kRememberedPieces = 1 << 16, kLongestRemembered = 64;

}  // namespace

struct SpacyWords::Work {
  explicit Work(std::shared_ptr<const SpacyTable> t) : table(std::move(t)), rules(*table->rules_) {}

  // A piece between whitespace, or a run of that.
  void add(std::string_view text, Span piece, bool blank) {
    const std::string_view written = part(text, piece);
    if (blank || written.size() > kLongestPiece) {
      tokens.push_back({piece, blank});
      return;
    }
    std::uint32_t begin = piece.begin;
    for (const std::uint32_t end : ends_of(written, text.size() - piece.begin))
      tokens.push_back({{std::exchange(begin, piece.begin + end), piece.begin + end}, false});
  }

  // Where the words of a piece end; valid until the next call. readable: bytes from it on.
  std::span<const std::uint32_t> ends_of(std::string_view written, std::size_t readable) {
    if (written.size() > kLongestRemembered) {
      long_piece.clear();
      rules.cut(written, true, match, long_piece);
      return long_piece;
    }
    const WordKey key = word_key::of(written, readable);
    if (const Ends* known = pieces.find(key, written))
      return std::span(ends).subspan(known->first, known->count);
    if (pieces.size() >= kRememberedPieces) {
      pieces.clear();
      ends.clear();
    }
    const auto first = static_cast<std::uint32_t>(ends.size());
    rules.cut(written, true, match, ends);
    pieces.add(key, written) = {first, static_cast<std::uint32_t>(ends.size()) - first};
    return std::span(ends).subspan(first);
  }

  // A space after a word belongs to it; other whitespace is a token.
  void cut(std::string_view text) {
    tokens.clear();
    if (text.empty()) return;
    const auto offset = [&](std::string_view rest) {
      return static_cast<std::uint32_t>(text.size() - rest.size());
    };
    std::string_view rest = text;
    bool blank = is_space(take_code_point(rest));
    std::uint32_t start = 0;
    while (!rest.empty()) {
      const std::uint32_t at = offset(rest);
      const char32_t c = take_code_point(rest);
      if (is_space(c) == blank) continue;
      if (start < at) add(text, {start, at}, blank);
      start = c == ' ' ? at + 1 : at;
      blank = !blank;
    }
    if (start < text.size()) add(text, {start, offset(rest)}, blank);
    rules.mend(text, tokens);
  }

  const std::shared_ptr<const SpacyTable> table;
  const SpacyTable::Rules& rules;
  RegexMatch match{spacy::kMostStack};
  struct Ends {
    std::uint32_t first, count;  // in `ends`
  };
  WordTable<Ends> pieces;  // cut before
  std::vector<std::uint32_t> ends;
  std::vector<std::uint32_t> long_piece;
  std::vector<Token> tokens;
};

SpacyWords::SpacyWords(std::shared_ptr<const SpacyTable> table)
    : work_(std::make_unique<Work>(std::move(table))) {}
SpacyWords::~SpacyWords() = default;
SpacyWords::SpacyWords(SpacyWords&&) noexcept = default;

const SpacyTable& SpacyWords::table() const { return *work_->table; }

void SpacyWords::find(std::string_view text, std::vector<Span>& words) {
  work_->cut(text);
  words.clear();
  for (const Token& token : work_->tokens) {
    if (token.blank) continue;
    const std::string_view word = strip_right(strip_left(part(text, token.span)));
    if (word.empty()) continue;
    const auto begin = static_cast<std::uint32_t>(word.data() - text.data());
    words.push_back({begin, begin + static_cast<std::uint32_t>(word.size())});
  }
}

std::size_t SpacyWords::count_sentences(std::string_view text, std::size_t enough) {
  work_->cut(text);
  SentenceCounter counter;
  for (const Token& token : work_->tokens) {
    const std::string_view word = part(text, token.span);
    counter.add(word, work_->rules.ends_sentence(word));
    if (counter.count() >= enough) break;
  }
  return counter.count();
}

}  // namespace lehr::text
