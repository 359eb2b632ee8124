// What repeats within a document: lines, paragraphs, n-grams of words. Works on the hashes of its
// tables; one object per thread, reused from document to document.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "seen_hashes.h"
#include "text_tables.h"

namespace lehr::plugins::filter {

struct Repeats {
  std::size_t parts = 0;  // how many there are
  std::size_t repeated = 0, characters = 0;
};

class RepeatedParts {
 public:
  enum class Count { but_the_first, all };

  // Lines between runs of "\n" or, with every_line, between "\n", empty ones included.
  Repeats lines(TextTables& tables, bool every_line, Count count);
  // The parts of the stripped text between runs of two and more "\n".
  Repeats paragraphs(TextTables& tables, Count count);

  // Takes in the words that the rest is about; they must stay as they are.
  void begin_words(TextTables& tables, const std::vector<Word>& words);
  std::size_t word_characters() const { return characters_.back(); }
  // Occurrences of the most frequent n-gram (of several the one that comes first) times its
  // characters, n - 1 spaces included if `spaces`; 0 if there are fewer than n words.
  std::size_t top_ngram(std::size_t n, bool spaces);
  // No top_ngram(n) of 2, 3 or 4 words is more than this, which takes less time to find out, and
  // is little for most texts.
  std::size_t most_of_top_ngram(std::size_t n);
  // Characters in repeated n-grams, from left to right without overlap: at word i, if the n words
  // from there run together were seen before, they count and i += n, else they are remembered and
  // i += 1.
  std::size_t repeated_ngrams(std::size_t n);
  // repeated_ngrams(n) is not more than this, which is found out for all n at once, and is nearly
  // nothing for most texts. n: at least 5. Of millions of words it is not found out: that would
  // take more memory than all the rest.
  std::size_t most_repeated_ngrams(std::size_t n);
  // The same over all n-grams, every occurrence counting, and the characters of all n-grams.
  Repeats overlapping_ngrams(std::size_t n);

 private:
  struct Counted {
    std::uint64_t hash = 0;
    std::uint32_t count = 0, first = 0;  // first: where it was seen first
  };

  // A word where something may repeat: the longest run of bytes from there on, words run together,
  // that an earlier word begins too.
  struct Candidate {
    std::uint32_t word, bytes;
  };
  static constexpr std::size_t kNoBound = std::size_t{1} << 40;  // more than a text can have

  void mix_hashes();
  void count_pairs_roughly();
  void find_candidates();
  std::uint32_t longest_earlier(std::uint32_t word, std::uint32_t earlier) const;
  void add(std::uint64_t hash, std::size_t characters, Count count, Repeats& repeats);
  std::uint64_t joined(std::size_t begin, std::size_t n) const;

  SeenHashes seen_;
  HashTable<Counted> counted_;
  std::vector<std::uint32_t> pair_counts_;
  const std::vector<Word>* words_ = nullptr;
  std::string run_;  // all words run together, and some bytes more
  // Of words by what they begin with: one more than the last one, one more than the one before each
  // one (0: none), and bits of all beginnings that there are.
  std::vector<std::uint32_t> last_, earlier_;
  std::vector<std::uint64_t> begun_;
  std::vector<Candidate> candidates_;
  bool have_hashes_ = false, have_candidates_ = false, have_prefixes_ = false;
  std::size_t most_of_two_ = kNoBound;
  std::vector<std::uint64_t> hashes_;              // of words, mixed
  std::vector<std::uint64_t> prefixes_;            // hashes of the first n words run together
  std::vector<std::uint32_t> bytes_, characters_;  // of the first n words
};

}  // namespace lehr::plugins::filter
