// What a SpacyTable holds, and how that cuts. Of spacy_words.cpp.
#pragma once

#include <lehr/value.h>

#include <algorithm>
#include <bitset>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/regex_match.h"
#include "text/spacy_words.h"

namespace lehr::text::spacy {

constexpr std::size_t kMostStack = 16 << 20;  // of a search

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};
template <class Value>
using ByText = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

inline std::string_view part(std::string_view text, Span span) {
  return text.substr(span.begin, span.end - span.begin);
}

class Expression {
 public:
  // Throws Error with PCRE2's words.
  explicit Expression(const std::string& pattern) try : code_(pattern) {
  } catch (const Error& e) {
    throw Error(e.what() + (" of '" + pattern.substr(0, 40)) + "...'");
  }

  // The first place in `text` from `from` on. Nothing also where PCRE2's limits end the search.
  std::optional<Span> find(std::string_view text, std::size_t from, const RegexMatch& match) const {
    if (::pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                      PCRE2_NO_UTF_CHECK, match.data, match.context) < 0)
      return std::nullopt;
    const PCRE2_SIZE* bounds = ::pcre2_get_ovector_pointer(match.data);
    return Span{static_cast<std::uint32_t>(bounds[0]), static_cast<std::uint32_t>(bounds[1])};
  }

 private:
  RegexCode code_;
};

// First byte and length, up to 15: what tells most words from those of a short list.
using Forms = std::bitset<16 << 8>;
inline std::size_t form_of(std::string_view word) {
  const std::size_t first = word.empty() ? 0 : static_cast<unsigned char>(word[0]);
  return first << 4 | std::min<std::size_t>(word.size(), 15);
}

// A word on its way, or a run of whitespace, which stands between words.
struct Token {
  Span span;
  bool blank;
};

}  // namespace lehr::text::spacy

namespace lehr::text {

struct SpacyTable::Rules {
  // Throws Error for what is no table.
  explicit Rules(const nlohmann::json& json);

  // Where the pieces of a special case end; null if it is none.
  const std::vector<std::uint32_t>* special(std::string_view written) const;

  bool ends_sentence(std::string_view word) const;

  // Appends where the words of `text`, which holds no whitespace or nothing else, end.
  void cut(std::string_view text, bool with_specials, const RegexMatch& match,
           std::vector<std::uint32_t>& ends) const;

  // Puts special cases together that were cut although they are some.
  void mend(std::string_view text, std::vector<spacy::Token>& tokens) const;

 private:
  // The suffix of a word. Only its last characters are looked at where that tells: a match that
  // begins later than with the first of them is none of a run, which might begin before.
  std::optional<Span> find_suffix(std::string_view word, const RegexMatch& match) const;

  void cut_middle(std::string_view text, std::uint32_t begin, std::uint32_t end, bool with_specials,
                  const RegexMatch& match, std::vector<std::uint32_t>& ends) const;

  // Special cases that an expression cuts somewhere may stand in a text in pieces.
  void remember_pieces(const std::string& written);

  // found: spans of tokens, of which the longer and then the earlier go first, and each keeps away
  // those that begin or end in it.
  void replace(std::string_view text, std::vector<Span>& found,
               std::vector<spacy::Token>& tokens) const;

  spacy::Expression prefix_, suffix_, infix_;
  std::optional<spacy::Expression> url_;
  std::optional<std::size_t> suffix_width_;  // characters, but for runs of one; null: any
  std::size_t longest_special_ = 0;
  spacy::ByText<std::vector<std::uint32_t>> specials_;
  spacy::ByText<std::vector<std::vector<std::string>>> cut_specials_;  // by first word
  std::size_t longest_begin_ = 0;                                      // of those
  spacy::Forms may_begin_, may_end_sentence_;  // looked at first: most words
  spacy::ByText<bool> sentence_ends_;
};

}  // namespace lehr::text
