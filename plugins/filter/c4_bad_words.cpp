#include "c4_bad_words.h"

#include <algorithm>
#include <array>

#include "chance.h"
#include "shared_file.h"
#include "text/lower_case.h"
#include "text/words_and_lines.h"
#include "word_list.h"

namespace lehr::plugins::filter {
namespace {

constexpr std::size_t kBuckets = 4096;

bool is_word_character(char32_t c) {
  return c == '_' || text::character(c).is(text::Character::kAlphanumeric);
}

constexpr auto kAsciiWord = [] {
  std::array<bool, 128> table{};
  for (unsigned c = 0; c < 128; ++c)
    table[c] =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  return table;
}();

}  // namespace

// By its first two bytes, or by the only one.
std::size_t WordTable::bucket(std::string_view begin) const {
  const auto byte = [&](std::size_t i) -> unsigned { return static_cast<unsigned char>(begin[i]); };
  return begin.size() < 2 ? byte(0) : (byte(0) * 67 + byte(1)) % kBuckets;
}

WordTable::WordTable(std::vector<std::string> words) : words_(std::move(words)) {
  std::sort(words_.begin(), words_.end(), [&](const std::string& a, const std::string& b) {
    return bucket(a) < bucket(b) || (bucket(a) == bucket(b) && a < b);
  });
  begins_.assign(kBuckets + 1, 0);
  for (const std::string& word : words_) ++begins_[bucket(word) + 1];
  for (std::size_t i = 0; i < kBuckets; ++i) begins_[i + 1] += begins_[i];
}

bool WordTable::matches(std::string_view text, std::size_t at, bool whole) const {
  const std::string_view rest = text.substr(at);
  const auto any_of = [&](std::size_t which) {
    for (std::uint32_t i = begins_[which]; i < begins_[which + 1]; ++i) {
      if (!rest.starts_with(words_[i])) continue;
      std::string_view after = rest.substr(words_[i].size());
      if (!whole || after.empty() || !is_word_character(text::take_code_point(after))) return true;
    }
    return false;
  };
  return any_of(bucket(rest)) || (rest.size() > 1 && any_of(bucket(rest.substr(0, 1))));
}

void C4BadWords::describe(Description& d) {
  d.summary("drops documents with a word of a list");
  d.input_path("words", words_)
      .required()
      .help("the list: a word or several in lower case a line, to be found in any case");
  d.boolean("whole_words", whole_words_)
      .help("no letter, digit or _ may stand beside a word; false for languages without spaces");
  d.list("allow", allow_, "string").help("words that the list does not mean");
  d.real("keep_fraction", keep_fraction_)
      .range(0, 1)
      .help("share of documents with bad words that stay all the same, chosen by their text");
  d.integer("seed", seed_).help("another one chooses others");
}

void C4BadWords::check() {
  if (words_.empty()) throw Error("words is empty: name the file with the list");
  std::string key = words_;
  for (const std::string& word : allow_) key += '\n' + word;
  table_ = shared_file<WordTable>(key, [&] {
    std::vector<std::string> words = read_word_list(words_);
    std::erase_if(words, [&](const std::string& word) {
      return std::find(allow_.begin(), allow_.end(), word) != allow_.end();
    });
    return WordTable(std::move(words));
  });
}

void C4BadWords::process(Document& document) {
  if (!has_bad_word(document.text())) return;
  if (chance(document.text(), seed_) < keep_fraction_) return;
  document.drop("document_removed_with_badwords");
}

bool C4BadWords::has_bad_word(std::string_view text) {
  text::lower_case(text, lower_);
  const std::string_view lower = lower_;
  bool may_begin = true;
  for (std::size_t at = 0; at < lower.size();) {
    if ((may_begin || !whole_words_) && table_->matches(lower, at, whole_words_)) return true;
    const auto c = static_cast<unsigned char>(lower[at]);
    if (c < 0x80) {
      may_begin = !kAsciiWord[c];
      ++at;
    } else {
      std::string_view rest = lower.substr(at);
      may_begin = !is_word_character(text::take_code_point(rest));
      at = lower.size() - rest.size();
    }
  }
  return false;
}

}  // namespace lehr::plugins::filter
