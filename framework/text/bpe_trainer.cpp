#include "text/bpe_trainer.h"

#include <algorithm>
#include <deque>
#include <numeric>
#include <string_view>

#include <lehr/value.h>
#include <boost/unordered/unordered_flat_map.hpp>

#include "text/byte_alphabet.h"
#include "text/line_blocks.h"

namespace lehr::text {
namespace {

using Pair = std::uint64_t;  // left id << 32 | right id: ordered by left, then right
Pair make_pair_key(TokenId left, TokenId right) { return Pair{left} << 32 | right; }

static_assert(kMaxDocumentBytes <= std::numeric_limits<std::uint32_t>::max(),
              "a word, which is a part of a document, has 32 bits of symbols");

struct Word {
  std::size_t begin;     // in symbols_
  std::uint32_t length;  // symbols left
  std::int64_t count;
};

using WordNumbers = std::pmr::vector<std::uint32_t>;

struct Candidate {
  std::int64_t count;  // as it was when the candidate was pushed
  Pair pair;
  WordNumbers words;  // that got the pair then; ascending
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

class Trainer {
 public:
  Trainer(const WordList& words, const BpeOptions& options) : options_(options) {
    TokenId of_byte[256];
    for (const std::uint8_t byte : byte_order(options.tie_break)) {
      of_byte[byte] = static_cast<TokenId>(tokens_.size());
      add_token(std::string(1, static_cast<char>(byte)));
    }
    std::size_t symbols = 0;
    for (const auto& w : words) symbols += w.word.size();
    symbols_.reserve(symbols);
    words_.reserve(words.size());
    for (const auto& w : words) {
      words_.push_back({symbols_.size(), static_cast<std::uint32_t>(w.word.size()), w.count});
      for (const char c : w.word) symbols_.push_back(of_byte[static_cast<unsigned char>(c)]);
    }
  }

  BpeModel train(const Pretokenizer& pretokenizer) {
    const std::size_t wanted = options_.vocab_size - options_.special_tokens.size();
    collect_candidates();
    while (tokens_.size() < wanted && !heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end());
      Candidate top = std::move(heap_.back());
      heap_.pop_back();
      if (const std::int64_t now = counts_[top.pair]; now != top.count) {
        if (now > 0) push(now, top.pair, std::move(top.words));
        continue;
      }
      merge(top);
      if (options_.progress && merges_.size() % 64 == 0) options_.progress(tokens_.size(), wanted);
    }
    BpeModel model;
    model.pretokenizer = pretokenizer;
    model.tokens.assign(tokens_.begin(), tokens_.end());
    model.merges = std::move(merges_);
    model.special_tokens = options_.special_tokens;
    return model;
  }

 private:
  void push(std::int64_t count, Pair pair, WordNumbers words) {
    heap_.push_back({count, pair, std::move(words)});
    std::push_heap(heap_.begin(), heap_.end());
  }

  TokenId add_token(std::string bytes) {
    const auto found = ids_.find(bytes);
    if (found != ids_.end()) return found->second;
    const auto id = static_cast<TokenId>(tokens_.size());
    tokens_.push_back(std::move(bytes));
    ids_.emplace(tokens_.back(), id);
    return id;
  }

  void collect_candidates() {
    for (std::size_t w = 0; w < words_.size(); ++w) {
      const TokenId* s = symbols_.data() + words_[w].begin;
      for (std::uint32_t i = 0; i + 1 < words_[w].length; ++i)
        gain(make_pair_key(s[i], s[i + 1]), static_cast<std::uint32_t>(w));
    }
    push_gained();
  }

  void gain(Pair pair, std::uint32_t word) {
    counts_[pair] += words_[word].count;
    WordNumbers& words = gained_.try_emplace(pair, options_.memory).first->second;
    if (words.empty() || words.back() != word) words.push_back(word);
  }
  void push_gained() {
    for (auto& [pair, words] : gained_)
      if (const std::int64_t count = counts_[pair]; count > 0) push(count, pair, std::move(words));
    gained_.clear();
  }

  void merge(const Candidate& top) {
    const auto left = static_cast<TokenId>(top.pair >> 32);
    const auto right = static_cast<TokenId>(top.pair);
    const TokenId merged = add_token(tokens_[left] + tokens_[right]);
    merges_.emplace_back(left, right);
    // The words lie anywhere in memory: each is on its way while those before it are merged.
    constexpr std::size_t kAhead = 8;
    const WordNumbers& words = top.words;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (i + 2 * kAhead < words.size()) __builtin_prefetch(&words_[words[i + 2 * kAhead]]);
      if (i + kAhead < words.size())
        __builtin_prefetch(symbols_.data() + words_[words[i + kAhead]].begin);
      merge_word(words[i], left, right, merged);
    }
    push_gained();
  }

  // Replaces left to right; the pairs that the neighbours had are lost, those with `merged` gained.
  void merge_word(std::uint32_t w, TokenId left, TokenId right, TokenId merged) {
    Word& word = words_[w];
    TokenId* s = symbols_.data() + word.begin;
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < word.length;) {
      if (i + 1 == word.length || s[i] != left || s[i + 1] != right) {
        s[kept++] = s[i++];
        continue;
      }
      // Hugging Face leaves the count of the merged pair itself as it was. That shows only if the
      // pair comes back, through a merge whose text is already a token.
      if (options_.tie_break == TieBreak::rustbpe)
        counts_[make_pair_key(left, right)] -= word.count;
      if (kept > 0) {
        counts_[make_pair_key(s[kept - 1], left)] -= word.count;
        gain(make_pair_key(s[kept - 1], merged), w);
      }
      if (i + 2 < word.length) {
        counts_[make_pair_key(right, s[i + 2])] -= word.count;
        gain(make_pair_key(merged, s[i + 2]), w);
      }
      s[kept++] = merged;
      i += 2;
    }
    word.length = kept;
  }

  const BpeOptions& options_;
  std::deque<std::string> tokens_;  // do not move: ids_ views them
  boost::unordered_flat_map<std::string_view, TokenId> ids_;
  std::pmr::vector<TokenId> symbols_{options_.memory};
  std::pmr::vector<Word> words_{options_.memory};
  boost::unordered_flat_map<Pair, std::int64_t> counts_;
  boost::unordered_flat_map<Pair, WordNumbers> gained_;  // since the last merge
  std::vector<Candidate> heap_;
  std::vector<std::pair<TokenId, TokenId>> merges_;
};

}  // namespace

BpeModel train_bpe(const WordList& words, const Pretokenizer& pretokenizer,
                   const BpeOptions& options) {
  const std::size_t least = 256 + options.special_tokens.size();
  if (options.vocab_size < least)
    throw Error("vocab_size " + std::to_string(options.vocab_size) +
                " is too small: 256 bytes and the special tokens take " + std::to_string(least));
  if (words.size() > options.most_words)
    throw Error("the text has " + std::to_string(words.size()) +
                " different words, and a tokenizer is trained on at most " +
                std::to_string(options.most_words) +
                ". Give a part of the text: it has the same frequent words");
  return Trainer(words, options).train(pretokenizer);
}

std::vector<std::uint8_t> byte_order(TieBreak tie_break) {
  std::vector<std::uint8_t> bytes(256);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  if (tie_break == TieBreak::huggingface)
    std::sort(bytes.begin(), bytes.end(), [](std::uint8_t a, std::uint8_t b) {
      return byte_characters()[a] < byte_characters()[b];
    });
  return bytes;
}

}  // namespace lehr::text
