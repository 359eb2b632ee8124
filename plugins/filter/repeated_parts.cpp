#include "repeated_parts.h"

#include <xxhash.h>

#include "text/words_and_lines.h"

namespace lehr::plugins::filter {

void RepeatedParts::add(std::uint64_t hash, std::size_t characters, Count count, Repeats& repeats) {
  ++repeats.parts;
  hash = mix_hash(hash);
  hash += hash == 0;
  Counted& slot = counted_.find(hash);
  slot.hash = hash;
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

void RepeatedParts::begin_words(const std::vector<Word>& words) {
  hashes_.resize(words.size());
  prefixes_.resize(words.size() + 1);
  bytes_.resize(words.size() + 1);
  characters_.resize(words.size() + 1);
  prefixes_[0] = 0;
  bytes_[0] = characters_[0] = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Word& w = words[i];
    hashes_[i] = mix_hash(w.hash);
    prefixes_[i + 1] = prefixes_[i] * hash_power(w.size) + w.hash;
    bytes_[i + 1] = bytes_[i] + w.size;
    characters_[i + 1] = characters_[i] + w.characters;
  }
}

// The hash of n words, each for itself.
std::uint64_t RepeatedParts::joined(std::size_t begin, std::size_t n) const {
  std::uint64_t hash = 0;
  for (std::size_t i = begin; i < begin + n; ++i) hash = hash * 0xc2b2ae3d27d4eb4f + hashes_[i];
  hash = mix_hash(hash);
  return hash + (hash == 0);
}

std::size_t RepeatedParts::top_ngram(std::size_t n, bool spaces) {
  if (hashes_.size() < n) return 0;
  const std::size_t ngrams = hashes_.size() - n + 1;
  counted_.clear(ngrams);
  Counted top;
  for (std::size_t i = 0; i < ngrams; ++i) {
    const std::uint64_t hash = joined(i, n);
    Counted& slot = counted_.find(hash);
    if (slot.hash == 0) slot = {hash, 0, static_cast<std::uint32_t>(i)};
    ++slot.count;
    if (slot.count > top.count || (slot.count == top.count && slot.first < top.first)) top = slot;
  }
  const std::size_t characters = characters_[top.first + n] - characters_[top.first];
  return top.count * (characters + (spaces ? n - 1 : 0));
}

std::size_t RepeatedParts::repeated_ngrams(std::size_t n) {
  std::size_t repeated = 0;
  seen_.clear(hashes_.size());
  for (std::size_t i = 0; i + n <= hashes_.size();) {
    const std::uint64_t run_together =
        prefixes_[i + n] - prefixes_[i] * hash_power(bytes_[i + n] - bytes_[i]);
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
  if (hashes_.size() < n) return repeats;
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
