// Byte-level BPE training: the most frequent adjacent pair becomes a token, again and again.
//
// Exact rule (the same merges as Hugging Face's BpeTrainer, or as rustbpe): highest count first,
// then smaller left id, then smaller right id. Counts are 64 bit and count overlapping windows
// ("aaa" has two "aa"); a merge replaces left to right without overlap. Only the words that hold
// the merged pair are touched, and candidates wait in a heap whose stale entries are corrected when
// they surface.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory_resource>
#include <string>
#include <utility>
#include <vector>

#include "text/word_counts.h"

namespace lehr::text {

using TokenId = std::uint32_t;

// What decides between pairs of equal count: the ids that single bytes have.
// huggingface: bytes in the order of their ByteLevel characters. rustbpe: bytes 0..255 in order.
// A merge whose text is already a token reuses that token's id, as tokenizer.json demands.
enum class TieBreak { huggingface, rustbpe };

struct BpeOptions {
  std::size_t vocab_size = 32000;  // special tokens included
  TieBreak tie_break = TieBreak::huggingface;
  // Get the last ids, so that text has the same ids with or without them.
  std::vector<std::string> special_tokens;
  // More different words than this are an error: they are numbered in 32 bits.
  std::size_t most_words = std::numeric_limits<std::uint32_t>::max();
  // For what grows with the number of words: the words as symbols, and which of them have a pair.
  std::pmr::memory_resource* memory = std::pmr::get_default_resource();
  // Called now and then with (tokens so far, tokens wanted); may throw to stop.
  std::function<void(std::size_t, std::size_t)> progress;
};

// What comes first when a pre-token is encoded. merge_list: the pair that is first in the list, as
// in Hugging Face's tokenizers. rank_concat: the pair whose bytes joined are the token of smallest
// id, the leftmost if there are several, as in tiktoken. (They differ where two ways to make one
// token overlap.)
enum class Merging { merge_list, rank_concat };

// Ids: 256 bytes, then merged tokens, then special tokens.
struct BpeModel {
  Pretokenizer pretokenizer = Pattern::gpt2;
  std::vector<std::string> tokens;                  // bytes of every token that is not special
  std::vector<std::pair<TokenId, TokenId>> merges;  // first merge first
  std::vector<std::string> special_tokens;
};

// The model has fewer tokens than asked for if no pair is left to merge.
// Throws lehr::Error if vocab_size has no room for 256 bytes and the special tokens, or if the
// words are too many.
BpeModel train_bpe(const WordList& words, const Pretokenizer& pretokenizer,
                   const BpeOptions& options);

// Bytes in the order in which `tie_break` gives them ids 0..255.
std::vector<std::uint8_t> byte_order(TieBreak tie_break);

}  // namespace lehr::text
