#include "repeated_parts.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "run_hash.h"
#include "text/words_and_lines.h"

namespace lehr::plugins::filter {
namespace {

constexpr std::size_t kShortestNgram = 5, kLongestNgram = 10;  // of repeated ones
constexpr std::uint32_t kBeginning = 12;                       // bytes
constexpr std::uint32_t kUnknown = 0xffffffff;
constexpr int kMostSteps = 16;
constexpr std::size_t kManyWords = 1 << 22;
constexpr std::uint64_t kStep = 0xc2b2ae3d27d4eb4f, kSpread = 0x9e3779b97f4a7c15;
constexpr std::size_t kCopied = 16;  // bytes of a word at once

std::uint64_t eight_at(const char* from) {
  std::uint64_t bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return bytes;
}

// Zeros, `count` or the next power of two; what a long document needed is given back.
template <class T>
void clear(std::vector<T>& cells, std::size_t count) {
  constexpr std::size_t kKept = (1 << 20) / sizeof(T);
  if (cells.size() > kKept) cells = {};
  cells.assign(std::bit_ceil(count), 0);
}

}  // namespace

void RepeatedParts::add(std::uint64_t hash, std::size_t characters, Count count, Repeats& repeats) {
  ++repeats.parts;
  hash = mix_hash(hash);
  hash += hash == 0;
  Counted& slot = counted_.at(hash);
  if (++slot.count == 1) return;
  const std::size_t occurrences = slot.count == 2 && count == Count::all ? 2 : 1;
  repeats.repeated += occurrences;
  repeats.characters += occurrences * characters;
}

Repeats RepeatedParts::lines(TextTables& tables, bool every_line, Count count) {
  Repeats repeats;
  const std::vector<Line>& lines = tables.lines();
  counted_.clear(lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (lines[i].size > 0 || every_line || i == 0 || i + 1 == lines.size())
      add(lines[i].hash, lines[i].characters, count, repeats);
  return repeats;
}

Repeats RepeatedParts::paragraphs(TextTables& tables, Count count) {
  Repeats repeats;
  const std::vector<Line>& lines = tables.lines();
  const std::string_view text = text::strip_right(text::strip_left(tables.text()));
  const std::size_t text_begin = static_cast<std::size_t>(text.data() - tables.text().data());
  const std::size_t text_end = text_begin + text.size();
  counted_.clear(lines.size() + 1);
  std::size_t begin = text_begin;
  const auto end_paragraph = [&](std::size_t end) {
    const std::string_view paragraph = tables.text().substr(begin, end - begin);
    add(XXH3_64bits(paragraph.data(), paragraph.size()), text::count_code_points(paragraph), count,
        repeats);
  };
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    const Line& next = lines[i + 1];
    const std::size_t end = lines[i].begin + lines[i].size;
    if (lines[i].begin + lines[i].size < begin || next.size > 0) continue;
    if (end >= text_end) break;
    if (end < text_begin) continue;
    end_paragraph(end);
    while (i + 1 < lines.size() && lines[i + 1].size == 0) ++i;
    begin = lines[i].begin + 1;
  }
  end_paragraph(text_end);
  return repeats;
}

void RepeatedParts::begin_words(TextTables& tables, const std::vector<Word>& words) {
  words_ = &words;
  have_hashes_ = have_candidates_ = have_prefixes_ = false;
  most_of_two_ = kNoBound;
  bytes_.resize(words.size() + 1);
  characters_.resize(words.size() + 1);
  const std::string_view text = tables.text();
  run_.resize(text.size() + kCopied);
  char* end = run_.data();
  std::uint32_t bytes = 0, characters = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Word& w = words[i];
    bytes_[i] = bytes;
    characters_[i] = characters;
    // Most words are short, and what is copied too much is overwritten.
    if (w.size <= kCopied && w.begin + kCopied <= text.size())
      std::memcpy(end, text.data() + w.begin, kCopied);
    else
      std::memcpy(end, text.data() + w.begin, w.size);
    end += w.size;
    bytes += w.size;
    characters += w.characters;
  }
  bytes_[words.size()] = bytes;
  characters_[words.size()] = characters;
}

void RepeatedParts::mix_hashes() {
  if (std::exchange(have_hashes_, true)) return;
  hashes_.resize(words_->size());
  std::transform(words_->begin(), words_->end(), hashes_.begin(),
                 [](const Word& w) { return mix_hash(w.hash); });
}

// The hash of n words, each for itself.
std::uint64_t RepeatedParts::joined(std::size_t begin, std::size_t n) const {
  std::uint64_t hash = 0;
  for (std::size_t i = begin; i < begin + n; ++i) hash = hash * kStep + hashes_[i];
  hash = mix_hash(hash);
  return hash + (hash == 0);
}

// Counts pairs by some bits of their hashes, so that what several have in common counts for each.
void RepeatedParts::count_pairs_roughly() {
  constexpr std::size_t kMostCells = 1 << 16;
  most_of_two_ = 0;
  if (words_->size() < 2) return;
  const std::size_t pairs = words_->size() - 1;
  clear(pair_counts_, std::min(4 * pairs, kMostCells) + 1);
  const int shift = 64 - std::countr_zero(pair_counts_.size());
  const Word* const words = words_->data();
  std::uint32_t* const counts = pair_counts_.data();
  std::size_t most = 0;
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::uint64_t hash = (words[i].hash * kStep + words[i + 1].hash) * kSpread >> shift;
    const std::size_t characters = characters_[i + 2] - characters_[i] + 2;
    most = std::max(most, ++counts[hash] * characters);
  }
  most_of_two_ = most;
}

std::size_t RepeatedParts::most_of_top_ngram(std::size_t n) {
  if (most_of_two_ == kNoBound) count_pairs_roughly();
  // Three words are covered by two pairs of them, four by two pairs and the space between; neither
  // comes up more often than its pairs.
  return n == 2 ? most_of_two_ : 2 * most_of_two_;
}

std::size_t RepeatedParts::top_ngram(std::size_t n, bool spaces) {
  if (words_->size() < n) return 0;
  mix_hashes();
  const std::size_t ngrams = hashes_.size() - n + 1;
  counted_.clear(ngrams);
  Counted top;
  std::size_t most = 0;
  for (std::size_t i = 0; i < ngrams; ++i) {
    Counted& slot = counted_.at(joined(i, n));
    if (++slot.count == 1) slot.first = static_cast<std::uint32_t>(i);
    if (slot.count > top.count || (slot.count == top.count && slot.first < top.first)) top = slot;
    most = std::max<std::size_t>(most, slot.count * (characters_[i + n] - characters_[i] + n));
  }
  if (n == 2) most_of_two_ = most;
  const std::size_t characters = characters_[top.first + n] - characters_[top.first];
  return top.count * (characters + (spaces ? n - 1 : 0));
}

// How many bytes from two words on are the same, as far as anybody asks.
std::uint32_t RepeatedParts::longest_earlier(std::uint32_t word, std::uint32_t earlier) const {
  const std::size_t last = std::min<std::size_t>(word + kLongestNgram, words_->size());
  const std::uint32_t limit = bytes_[last] - bytes_[word];
  const char *a = run_.data() + bytes_[word], *b = run_.data() + bytes_[earlier];
  for (std::uint32_t same = 0; same < limit; same += 8) {
    const std::uint64_t differ = eight_at(a + same) ^ eight_at(b + same);
    if (differ != 0)
      return std::min(limit, same + static_cast<std::uint32_t>(std::countr_zero(differ)) / 8);
  }
  return limit;
}

// Words are put into chains by some bits of what they begin with, and only those whose beginning
// may have been there before are looked at: in most texts one of twenty.
void RepeatedParts::find_candidates() {
  have_candidates_ = true;
  const std::size_t words = words_->size();
  const std::uint32_t end = bytes_[words];
  candidates_.resize(words);
  earlier_.resize(words);
  clear(last_, 4 * words);
  clear(begun_, words + 1);
  const std::uint64_t chains = last_.size() - 1;
  const int shift = 64 - 6 - std::countr_zero(begun_.size());
  std::size_t found = 0, looked_for = words;
  // What is shorter than a beginning is not looked for.
  while (looked_for > 0 && bytes_[looked_for - 1] + kBeginning > end) --looked_for;
  for (std::uint32_t i = 0; i < looked_for; ++i) {
    const char* const at = run_.data() + bytes_[i];
    const std::uint64_t hash =
        mix_hash((eight_at(at) * kStep + (eight_at(at + 4) >> 32)) * kSpread);
    std::uint32_t& last = last_[hash & chains];
    earlier_[i] = last;
    last = i + 1;
    std::uint64_t& word = begun_[hash >> shift >> 6];
    const std::uint64_t bit = std::uint64_t{1} << (hash >> shift & 63);
    const bool may_repeat = (word & bit) != 0;
    word |= bit;
    const std::size_t fifth = std::min<std::size_t>(i + kShortestNgram, words);
    candidates_[found].word = i;
    found += may_repeat | (bytes_[fifth] - bytes_[i] < kBeginning);
  }
  std::size_t kept = 0;
  for (std::size_t c = 0; c < found; ++c) {
    const std::uint32_t i = candidates_[c].word;
    std::uint32_t longest = 0;
    int steps = 0;
    for (std::uint32_t j = earlier_[i]; j != 0 && longest != kUnknown; j = earlier_[j - 1])
      longest = ++steps > kMostSteps ? kUnknown : std::max(longest, longest_earlier(i, j - 1));
    const std::size_t fifth = std::min<std::size_t>(i + kShortestNgram, words);
    if (longest >= kBeginning || bytes_[fifth] - bytes_[i] < kBeginning)
      candidates_[kept++] = {i, longest};
  }
  candidates_.resize(kept);
  for (auto i = static_cast<std::uint32_t>(looked_for); i < words; ++i)
    candidates_.push_back({i, kUnknown});
}

std::size_t RepeatedParts::most_repeated_ngrams(std::size_t n) {
  if (words_->size() > kManyWords) return kNoBound;
  if (!have_candidates_) find_candidates();
  // Of n words that follow each other only one can begin a repeated n-gram.
  std::size_t sum = 0, best = 0;
  std::uint32_t window_end = 0;
  for (const Candidate& c : candidates_) {
    if (c.word + n > words_->size()) break;
    const std::uint32_t bytes = bytes_[c.word + n] - bytes_[c.word];
    if (bytes >= kBeginning && bytes > c.bytes) continue;
    if (c.word >= window_end) {
      sum += best;
      best = 0;
      window_end = c.word + static_cast<std::uint32_t>(n);
    }
    best = std::max<std::size_t>(best, characters_[c.word + n] - characters_[c.word]);
  }
  return sum + best;
}

std::size_t RepeatedParts::repeated_ngrams(std::size_t n) {
  if (!have_prefixes_) {
    have_prefixes_ = true;
    prefixes_.resize(words_->size() + 1);
    prefixes_[0] = 0;
    for (std::size_t i = 0; i < words_->size(); ++i) {
      const std::uint32_t size = (*words_)[i].size;
      prefixes_[i + 1] =
          prefixes_[i] * run_hash_power(size) + run_hash({run_.data() + bytes_[i], size});
    }
  }
  std::size_t repeated = 0;
  counted_.clear(0);
  seen_.clear(words_->size());
  for (std::size_t i = 0; i + n <= words_->size();) {
    const std::uint64_t run_together =
        prefixes_[i + n] - prefixes_[i] * run_hash_power(bytes_[i + n] - bytes_[i]);
    if (seen_.add(mix_hash(run_together))) {
      ++i;
    } else {
      repeated += characters_[i + n] - characters_[i];
      i += n;
    }
  }
  return repeated;
}

Repeats RepeatedParts::overlapping_ngrams(std::size_t n) {
  Repeats repeats;
  if (words_->size() < n) return repeats;
  mix_hashes();
  const std::size_t ngrams = hashes_.size() - n + 1;
  counted_.clear(ngrams);
  std::size_t all = 0;
  for (std::size_t i = 0; i < ngrams; ++i) {
    const std::size_t characters = characters_[i + n] - characters_[i];
    all += characters;
    add(joined(i, n), characters, Count::all, repeats);
  }
  repeats.parts = all;
  return repeats;
}

}  // namespace lehr::plugins::filter
