#include "text/spacy_rules.h"

#include <lehr/value.h>
#include <xxhash.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "text/strict_json.h"
#include "text/words_and_lines.h"

namespace lehr::text {
namespace {

using spacy::part;
using spacy::Token;

constexpr std::string_view kFormat = "lehr spacy table 1";

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

}  // namespace

SpacyTable::Rules::Rules(const nlohmann::json& json)
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
  for (const auto& word : member(json, "sentence_ends")) {
    sentence_ends_.emplace(text_of(word), true);
    may_end_sentence_.set(spacy::form_of(text_of(word)));
  }
}

const std::vector<std::uint32_t>* SpacyTable::Rules::special(std::string_view written) const {
  const auto found = specials_.find(written);
  return found == specials_.end() ? nullptr : &found->second;
}

bool SpacyTable::Rules::ends_sentence(std::string_view word) const {
  return may_end_sentence_[spacy::form_of(word)] &&
         sentence_ends_.find(word) != sentence_ends_.end();
}

void SpacyTable::Rules::cut(std::string_view text, bool with_specials, const RegexMatch& match,
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

void SpacyTable::Rules::mend(std::string_view text, std::vector<Token>& tokens) const {
  std::vector<Span> found;  // of tokens
  for (std::uint32_t i = 0; i < tokens.size(); ++i) {
    const std::string_view first = part(text, tokens[i].span);
    if (first.size() > longest_begin_ || !may_begin_[spacy::form_of(first)]) continue;
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

std::optional<Span> SpacyTable::Rules::find_suffix(std::string_view word,
                                                   const RegexMatch& match) const {
  std::size_t from = word.size();
  for (std::size_t n = 0; suffix_width_ && n <= *suffix_width_ && from > 0; ++n)
    while (from > 0 && is_continuation(word[--from])) continue;
  if (!suffix_width_) from = 0;
  const auto found = suffix_.find(word, from, match);
  return found && found->begin == from && from > 0 ? suffix_.find(word, 0, match) : found;
}

void SpacyTable::Rules::cut_middle(std::string_view text, std::uint32_t begin, std::uint32_t end,
                                   bool with_specials, const RegexMatch& match,
                                   std::vector<std::uint32_t>& ends) const {
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

void SpacyTable::Rules::remember_pieces(const std::string& written) {
  const RegexMatch match(spacy::kMostStack);
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
  longest_begin_ = std::max(longest_begin_, words[0].size());
  may_begin_.set(spacy::form_of(words[0]));
  cut_specials_[words[0]].push_back(std::move(words));
}

void SpacyTable::Rules::replace(std::string_view text, std::vector<Span>& found,
                                std::vector<Token>& tokens) const {
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

}  // namespace lehr::text
