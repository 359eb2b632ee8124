#include "text/spacy_words.h"

#include <lehr/value.h>
#include <xxhash.h>

#include <algorithm>
#include <bitset>
#include <fstream>
#include <iterator>
#include <optional>
#include <unordered_map>
#include <utility>

#include "text/regex_match.h"
#include "text/strict_json.h"
#include "text/words_and_lines.h"

namespace lehr::text {
namespace {

constexpr std::string_view kFormat = "lehr spacy table 1";
constexpr std::size_t kMostStack = 16 << 20;  // of a search
// What a thread remembers of pieces it has cut, at most about 16 MB.
constexpr std::size_t kRememberedPieces = 1 << 16, kLongestRemembered = 64;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};
template <class Value>
using ByText = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

std::string_view part(std::string_view text, Span span) {
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

const nlohmann::json& member(const nlohmann::json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end()) throw Error("'" + std::string(name) + "' is missing");
  return *found;
}
const std::string& text_of(const nlohmann::json& json) {
  if (!json.is_string()) throw Error(json.dump().substr(0, 40) + " stands where a text should");
  return json.get_ref<const std::string&>();
}

// The bytes of as many characters as `found` has, at the beginning of `text`: there a prefix is
// taken, wherever its expression matches. As spaCy does, which counts.
std::uint32_t taken_first(std::string_view text, Span found) {
  if (found.begin == 0) return found.end;
  std::uint32_t bytes = 0;
  for (std::string_view matched = part(text, found); !matched.empty(); take_code_point(matched))
    while (++bytes < text.size() && is_continuation(text[bytes])) continue;
  return bytes;
}
// The same at its end, for a suffix.
std::uint32_t taken_last(std::string_view text, Span found) {
  if (found.end == text.size()) return found.end - found.begin;
  std::size_t from = text.size();
  for (std::string_view matched = part(text, found); !matched.empty(); take_code_point(matched))
    while (--from > 0 && is_continuation(text[from])) continue;
  return static_cast<std::uint32_t>(text.size() - from);
}

// A word on its way, or a run of whitespace, which stands between words.
struct Token {
  Span span;
  bool blank;
};

}  // namespace

struct SpacyTable::Rules {
  explicit Rules(const nlohmann::json& json)
      : prefix_(text_of(member(json, "prefix"))),
        suffix_(text_of(member(json, "suffix"))),
        infix_(text_of(member(json, "infix"))) {
    if (const auto& width = member(json, "suffix_width"); width.is_number_unsigned())
      suffix_width_ = width.get<std::size_t>();
    if (const auto& url = member(json, "url_match"); !url.is_null()) url_.emplace(text_of(url));
    for (const auto& [written, pieces] : member(json, "special_cases").items()) {
      if (written.empty()) throw Error("a special case is empty");
      std::uint32_t end = 0;
      auto& ends = specials_[written];
      std::string joined;
      for (const auto& piece : pieces) {
        joined += text_of(piece);
        ends.push_back(end = static_cast<std::uint32_t>(joined.size()));
      }
      longest_special_ = std::max(longest_special_, written.size());
      if (joined != written) throw Error("special case '" + written + "' is not its pieces joined");
    }
    for (const auto& special : specials_) remember_pieces(special.first);
    for (const auto& word : member(json, "sentence_ends"))
      sentence_ends_.emplace(text_of(word), true);
  }

  // Where the pieces of a special case end; null if it is none.
  const std::vector<std::uint32_t>* special(std::string_view written) const {
    const auto found = specials_.find(written);
    return found == specials_.end() ? nullptr : &found->second;
  }

  bool ends_sentence(std::string_view word) const {
    return sentence_ends_.find(word) != sentence_ends_.end();
  }

  // Appends where the words of `text`, which holds no whitespace or nothing else, end.
  void cut(std::string_view text, bool with_specials, const RegexMatch& match,
           std::vector<std::uint32_t>& ends) const {
    if (const auto* known = with_specials ? special(text) : nullptr) {
      ends.insert(ends.end(), known->begin(), known->end());
      return;
    }
    // [begin, end) is what is left; prefixes have gone to `ends`, suffixes wait.
    std::uint32_t begin = 0, end = static_cast<std::uint32_t>(text.size());
    std::vector<std::uint32_t> suffixes;  // where they begin
    const auto is_special = [&](std::uint32_t from, std::uint32_t to) {
      return with_specials && from < to && to - from <= longest_special_ &&
             special(text.substr(from, to - from)) != nullptr;
    };
    while (begin < end && !is_special(begin, end)) {
      const auto rest = text.substr(begin, end - begin);
      const auto prefix = prefix_.find(rest, 0, match);
      const std::uint32_t before = prefix ? taken_first(rest, *prefix) : 0;
      if (before > 0 && is_special(begin + before, end)) {
        ends.push_back(begin += before);
        break;
      }
      const auto suffix = find_suffix(rest.substr(before), match);
      const std::uint32_t after = suffix ? taken_last(rest.substr(before), *suffix) : 0;
      if (after > 0 && is_special(begin, end - after)) {
        suffixes.push_back(end -= after);
        break;
      }
      if (before > 0) ends.push_back(begin += before);
      if (after > 0) suffixes.push_back(end -= after);
      if (before + after == 0) break;
    }
    if (begin < end) cut_middle(text, begin, end, with_specials, match, ends);
    // Each suffix ends where the one taken before it begins.
    for (std::size_t i = suffixes.size(); i-- > 0;)
      ends.push_back(i == 0 ? static_cast<std::uint32_t>(text.size()) : suffixes[i - 1]);
  }

  // Puts special cases together that were cut although they are some.
  void mend(std::string_view text, std::vector<Token>& tokens) const {
    std::vector<Span> found;  // of tokens
    for (std::uint32_t i = 0; i < tokens.size(); ++i) {
      const std::string_view first = part(text, tokens[i].span);
      if (first.size() >= may_begin_.size() || !may_begin_[first.size()]) continue;
      const auto begun = cut_specials_.find(first);
      if (begun == cut_specials_.end()) continue;
      for (const auto& words : begun->second) {
        std::uint32_t n = 1;
        while (n < words.size() && i + n < tokens.size() &&
               part(text, tokens[i + n].span) == words[n])
          ++n;
        if (n == words.size()) found.push_back({i, i + n});
      }
    }
    if (!found.empty()) replace(text, found, tokens);
  }

 private:
  // The suffix of a word. Only its last characters are looked at where that tells: a match that
  // begins later than with the first of them is none of a run, which might begin before.
  std::optional<Span> find_suffix(std::string_view word, const RegexMatch& match) const {
    std::size_t from = word.size();
    for (std::size_t n = 0; suffix_width_ && n <= *suffix_width_ && from > 0; ++n)
      while (from > 0 && is_continuation(word[--from])) continue;
    if (!suffix_width_) from = 0;
    const auto found = suffix_.find(word, from, match);
    return found && found->begin == from && from > 0 ? suffix_.find(word, 0, match) : found;
  }

  void cut_middle(std::string_view text, std::uint32_t begin, std::uint32_t end, bool with_specials,
                  const RegexMatch& match, std::vector<std::uint32_t>& ends) const {
    const std::string_view middle = text.substr(begin, end - begin);
    if (const auto* known = with_specials ? special(middle) : nullptr) {
      for (const std::uint32_t piece : *known) ends.push_back(begin + piece);
      return;
    }
    if (!url_ || !url_->find(middle, 0, match)) {
      std::uint32_t done = 0;
      for (std::size_t at = 0; at < middle.size();) {
        const auto infix = infix_.find(middle, at, match);
        if (!infix) break;
        if (infix->end > at)
          at = infix->end;
        else
          while (++at < middle.size() && is_continuation(middle[at])) continue;
        if (infix->begin == 0) continue;
        if (infix->begin != done) ends.push_back(begin + infix->begin);
        if (infix->end != infix->begin) ends.push_back(begin + infix->end);
        done = infix->end;
      }
      if (done == middle.size()) return;
    }
    ends.push_back(end);
  }

  // Special cases that an expression cuts somewhere may stand in a text in pieces.
  void remember_pieces(const std::string& written) {
    const RegexMatch match(kMostStack);
    if (!prefix_.find(written, 0, match) && !suffix_.find(written, 0, match) &&
        !infix_.find(written, 0, match))
      return;
    std::vector<std::uint32_t> ends;
    cut(written, false, match, ends);
    std::vector<std::string> words;
    std::uint32_t begin = 0;
    for (const std::uint32_t end : ends) {
      words.push_back(written.substr(begin, end - begin));
      begin = end;
    }
    if (words[0].size() < may_begin_.size()) may_begin_.set(words[0].size());
    cut_specials_[words[0]].push_back(std::move(words));
  }

  // found: spans of tokens, of which the longer and then the earlier go first, and each keeps away
  // those that begin or end in it.
  void replace(std::string_view text, std::vector<Span>& found, std::vector<Token>& tokens) const {
    std::sort(found.begin(), found.end(), [](Span a, Span b) {
      return std::pair(b.end - b.begin, a.begin) < std::pair(a.end - a.begin, b.begin);
    });
    std::vector<bool> taken(tokens.size());
    std::vector<Span> chosen;
    for (const Span span : found) {
      if (!taken[span.begin] && !taken[span.end - 1]) chosen.push_back(span);
      std::fill(taken.begin() + span.begin, taken.begin() + span.end, true);
    }
    std::sort(chosen.begin(), chosen.end(), [](Span a, Span b) { return a.begin < b.begin; });
    std::vector<Token> out;
    std::uint32_t next = 0;
    for (const Span span : chosen) {
      const std::uint32_t begin = tokens[span.begin].span.begin;
      const auto* pieces = special(part(text, {begin, tokens[span.end - 1].span.end}));
      if (pieces == nullptr) continue;  // it stands there with spaces between
      out.insert(out.end(), tokens.begin() + next, tokens.begin() + span.begin);
      std::uint32_t done = begin;
      for (const std::uint32_t piece : *pieces)
        out.push_back({{std::exchange(done, begin + piece), begin + piece}, false});
      next = span.end;
    }
    out.insert(out.end(), tokens.begin() + next, tokens.end());
    tokens = std::move(out);
  }

  Expression prefix_, suffix_, infix_;
  std::optional<Expression> url_;
  std::optional<std::size_t> suffix_width_;  // characters, but for runs of one; null: any
  std::size_t longest_special_ = 0;
  ByText<std::vector<std::uint32_t>> specials_;
  ByText<std::vector<std::vector<std::string>>> cut_specials_;  // by first word
  std::bitset<64> may_begin_;                                   // lengths of those
  ByText<bool> sentence_ends_;
};

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
    for (const std::uint32_t end : ends_of(written))
      tokens.push_back({{std::exchange(begin, piece.begin + end), piece.begin + end}, false});
  }

  // Where the words of a piece end.
  const std::vector<std::uint32_t>& ends_of(std::string_view written) {
    if (written.size() > kLongestRemembered) {
      long_piece.clear();
      rules.cut(written, true, match, long_piece);
      return long_piece;
    }
    auto known = pieces.find(written);
    if (known == pieces.end()) {
      if (pieces.size() >= kRememberedPieces) pieces.clear();
      known = pieces.emplace(written, std::vector<std::uint32_t>()).first;
      rules.cut(written, true, match, known->second);
    }
    return known->second;
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
  RegexMatch match{kMostStack};
  ByText<std::vector<std::uint32_t>> pieces;  // cut before
  std::vector<std::uint32_t> long_piece;
  std::vector<Token> tokens;
};

SpacyTable::SpacyTable(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw Error("cannot read '" + path.string() + "'");
  hash_ = XXH3_64bits(text.data(), text.size()) | 1;
  try {
    const auto json = parse_json<nlohmann::json>(text);
    if (!json.is_object() || json.value("format", "") != kFormat)
      throw Error("it does not say \"format\": \"" + std::string(kFormat) + "\"");
    rules_ = std::make_unique<const Rules>(json);
  } catch (const std::exception& e) {
    throw Error("'" + path.string() + "' is no table of spaCy's words: " + e.what() +
                ". Make one with tools/spacy_table");
  }
}
SpacyTable::~SpacyTable() = default;
SpacyTable::SpacyTable(SpacyTable&&) noexcept = default;

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
