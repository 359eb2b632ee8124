// One document, taken apart once for all rules: its lines and words with lengths and hashes. The
// steps that follow each other ask for the tables of the same text and share them; a step that
// rewrote the text makes the next one build them anew.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "text/spacy_words.h"
#include "text/words.h"

namespace lehr::plugins::filter {

struct Word {
  std::uint32_t begin, size;  // bytes
  std::uint32_t characters;
  bool letter;  // has an alphabetic character
  bool plain;   // has a character that is no punctuation
  std::uint64_t hash;
};

struct Line {
  std::uint32_t begin, size;
  std::uint32_t characters;
  std::uint64_t hash;
};

// The hash that words have.
std::uint64_t hash_bytes(std::string_view bytes);

class TextTables {
 public:
  static constexpr std::size_t kShort = 16, kShortText = 64 << 10;  // texts; bytes of one
  // A longer text has tables of gigabytes, if its words are short: whoever looked at one lets go of
  // what that took.
  static constexpr std::size_t kHugeText = 16 << 20;

  // The tables of this text, which the calling thread keeps until it has asked for kShort others,
  // those of a text longer than kShortText until it asks for another such one. They hold while the
  // text does. Throws Error for a text beyond 4 GiB.
  static TextTables& of(std::string_view text);
  // Forgets what the calling thread keeps of a text longer than kShortText.
  static void let_go();

  std::string_view text() const { return text_; }
  std::size_t characters() const { return characters_; }
  // 128 bits of the whole text.
  const std::array<std::uint64_t, 2>& hash() const { return hash_; }
  // Pieces between "\n", empty ones included.
  const std::vector<Line>& lines();
  const std::vector<Word>& words(text::WordSplitter splitter);
  const std::vector<Word>& words(text::SpacyWords& spacy);
  // How many words() gives, which are not described for this alone.
  std::size_t count_words(text::WordSplitter splitter);
  std::string_view view(const Word& w) const { return text_.substr(w.begin, w.size); }
  std::string_view view(const Line& l) const { return text_.substr(l.begin, l.size); }

 private:
  struct Recent;
  static Recent& recent();
  void start(std::string_view text);
  std::uint32_t count_characters(std::string_view part) const;
  template <bool ascii>
  void describe(text::Span span, Word& w) const;
  void find(text::WordSplitter splitter);  // into spans_
  void fill(std::vector<Word>& words);     // from spans_

  std::string_view text_;
  std::array<std::uint64_t, 2> hash_ = {0, 0};
  std::size_t characters_ = 0;
  bool ascii_ = true;
  bool have_lines_ = false, have_words_[2] = {false, false};  // by splitter
  std::uint64_t spacy_table_ = 0;                             // that cut spacy_words_; 0: none did
  std::vector<Line> lines_;
  std::vector<Word> words_[2], spacy_words_;
  std::vector<text::Span> spans_;
  std::optional<text::WordSplitter> spans_of_;
};

}  // namespace lehr::plugins::filter
