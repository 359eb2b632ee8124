#include "text/bpe_encoder.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <queue>

#include <lehr/value.h>

#include "text/byte_alphabet.h"

namespace lehr::text {
namespace {

// Up to here looking at every pair again after each merge is cheaper than a heap.
constexpr std::size_t kShort = 24;
constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

constexpr std::uint64_t kEmpty = std::numeric_limits<std::uint64_t>::max();

std::uint64_t key(TokenId left, TokenId right) { return std::uint64_t{left} << 32 | right; }
// Its upper bits are well mixed.
std::uint64_t hash_of(std::uint64_t pair) {
  const std::uint64_t mixed = pair * 0x9E3779B97F4A7C15u;
  return (mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93u;
}

}  // namespace

BpeEncoder::Ids BpeEncoder::ids_of(const std::vector<std::string>& tokens) {
  Ids ids;
  ids.reserve(tokens.size());
  for (std::size_t id = 0; id < tokens.size(); ++id)
    if (!tokens[id].empty()) ids.emplace(tokens[id], static_cast<TokenId>(id));
  return ids;
}

BpeEncoder::BpeEncoder(Ids ids, const UnknownToken& unknown)
    : keeps_first_missing_(unknown.id && unknown.fused), whole_(std::move(ids)) {
  for (std::size_t b = 0; b < 256; ++b) {
    const std::string byte(1, static_cast<char>(b));
    const auto found = whole_.find(byte);
    if (found == whole_.end() && b > 32 && b < 127)
      throw Error("the vocabulary has no token for byte " + std::to_string(b) + " ('" +
                  to_byte_level(byte) + "'). Only byte-level vocabularies are supported");
    if (found == whole_.end() && (!unknown.id || unknown.fused)) missing_ += byte;
    bytes_[b] = found == whole_.end() ? unknown.id.value_or(kNone) : found->second;
  }
}

BpeEncoder::BpeEncoder(const std::vector<std::string>& tokens, const Pairs& merges,
                       bool ignore_merges, Merging merging, const UnknownToken& unknown)
    : BpeEncoder(ids_of(tokens), unknown) {
  std::vector<std::pair<std::uint64_t, Merge>> found_merges;
  found_merges.reserve(merges.size());
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const auto [left, right] = merges[rank];
    const std::string joined = tokens.at(left) + tokens.at(right);
    const auto found = whole_.find(joined);
    if (found == whole_.end())
      throw Error("merge " + std::to_string(rank) + " makes '" + to_byte_level(joined) +
                  "', which is not in the vocabulary");
    const auto listed = static_cast<std::uint32_t>(rank);
    const std::uint32_t first = merging == Merging::merge_list ? listed : found->second;
    found_merges.push_back({key(left, right), {first, found->second}});
  }
  set_merges(found_merges);
  if (!ignore_merges && merging == Merging::merge_list) whole_.clear();
}

void BpeEncoder::set_merges(const std::vector<std::pair<std::uint64_t, Merge>>& merges) {
  const std::size_t size = std::bit_ceil(2 * merges.size() + 2);
  const std::size_t bits = std::max<std::size_t>(64, std::bit_ceil(8 * merges.size() + 1));
  slot_mask_ = size - 1;
  slot_shift_ = 64 - static_cast<unsigned>(std::countr_zero(size));
  bit_shift_ = 64 - static_cast<unsigned>(std::countr_zero(bits));
  slots_ = ZeroedPages(size * sizeof(Slot));
  bits_ = ZeroedPages(bits / 8);
  Slot* const slots = slots_.as<Slot>();
  std::fill(slots, slots + size, Slot{kEmpty, {kNone, 0}});
  for (const auto& [pair, merge] : merges) {
    const std::uint64_t hash = hash_of(pair);
    const std::uint64_t bit = hash >> bit_shift_;
    bits_.as<std::uint64_t>()[bit / 64] |= std::uint64_t{1} << bit % 64;
    std::size_t i = hash >> slot_shift_;
    while (slots[i].pair != kEmpty && slots[i].pair != pair) i = (i + 1) & slot_mask_;
    // A pair that is listed twice has its later rank, as in Hugging Face's tokenizers.
    slots[i] = {pair, merge};
  }
  byte_pairs_.resize(256 * 256);
  for (std::size_t pair = 0; pair < byte_pairs_.size(); ++pair)
    byte_pairs_[pair] = find(bytes_[pair / 256], bytes_[pair % 256]);
}

BpeEncoder::Merge BpeEncoder::find(TokenId left, TokenId right) const {
  const std::uint64_t pair = key(left, right), hash = hash_of(pair);
  const std::uint64_t bit = hash >> bit_shift_;
  if ((bits_.as<const std::uint64_t>()[bit / 64] >> bit % 64 & 1) == 0) return {kNone, 0};
  const Slot* const slots = slots_.as<const Slot>();
  for (std::size_t i = hash >> slot_shift_;; i = (i + 1) & slot_mask_)
    if (slots[i].pair == pair || slots[i].pair == kEmpty) return slots[i].merge;
}

void BpeEncoder::encode(std::string_view word, std::vector<TokenId>& ids) const {
  if (!whole_.empty()) {
    if (const auto found = whole_.find(word); found != whole_.end()) {
      ids.push_back(found->second);
      return;
    }
  }
  if (missing_.empty() || word.find_first_of(missing_) == word.npos) return encode_known(word, ids);
  std::string known;
  bool first = keeps_first_missing_;
  for (const char c : word) {
    const bool missing = missing_.find(c) != missing_.npos;
    if (!missing || first) known += c;
    first = keeps_first_missing_ && !missing;
  }
  if (!known.empty()) encode_known(known, ids);
}

void BpeEncoder::encode_known(std::string_view word, std::vector<TokenId>& ids) const {
  if (word.size() <= kShort)
    encode_short(word, ids);
  else
    encode_long(word, ids);
}

void BpeEncoder::encode_short(std::string_view word, std::vector<TokenId>& ids) const {
  TokenId symbols[kShort];
  Merge pairs[kShort];  // of symbol i and i + 1; rank kNone if they do not merge
  std::size_t size = word.size();
  const auto look = [&](std::size_t i) { pairs[i] = find(symbols[i], symbols[i + 1]); };
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(word[i]); };
  for (std::size_t i = 0; i < size; ++i) symbols[i] = bytes_[byte(i)];
  for (std::size_t i = 0; i + 1 < size; ++i) pairs[i] = byte_pairs_[byte(i) * 256u + byte(i + 1)];
  while (size > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < size; ++i)
      if (pairs[i].rank < pairs[best].rank) best = i;
    if (pairs[best].rank == kNone) break;
    symbols[best] = pairs[best].result;
    --size;
    for (std::size_t i = best + 1; i < size; ++i) symbols[i] = symbols[i + 1];
    for (std::size_t i = best + 1; i + 1 < size; ++i) pairs[i] = pairs[i + 1];
    if (best > 0) look(best - 1);
    if (best + 1 < size) look(best);
  }
  ids.insert(ids.end(), symbols, symbols + size);
}

void BpeEncoder::encode_long(std::string_view word, std::vector<TokenId>& ids) const {
  struct Symbol {
    TokenId id;
    std::uint32_t previous, next;  // kNone at the ends
    bool gone;
  };
  struct Candidate {
    std::uint32_t rank, position;
    TokenId result;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };
  if (word.size() >= kNone) throw Error("a pre-token of 4 GiB or more cannot be encoded");
  const auto size = static_cast<std::uint32_t>(word.size());
  std::vector<Symbol> symbols(size);
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto look = [&](std::uint32_t i) {
    if (i == kNone || symbols[i].next == kNone) return;
    const Merge merge = find(symbols[i].id, symbols[symbols[i].next].id);
    if (merge.rank != kNone) queue.push({merge.rank, i, merge.result});
  };
  for (std::uint32_t i = 0; i < size; ++i)
    symbols[i] = {bytes_[static_cast<unsigned char>(word[i])], i == 0 ? kNone : i - 1,
                  i + 1 == size ? kNone : i + 1, false};
  for (std::uint32_t i = 0; i + 1 < size; ++i) look(i);
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    Symbol& left = symbols[top.position];
    if (left.gone || left.next == kNone) continue;
    Symbol& right = symbols[left.next];
    // A symbol may have changed since.
    if (const Merge now = find(left.id, right.id); now.rank == kNone || now.result != top.result)
      continue;
    left.id = top.result;
    right.gone = true;
    left.next = right.next;
    if (right.next != kNone) symbols[right.next].previous = top.position;
    look(left.previous);
    look(top.position);
  }
  for (std::uint32_t i = 0; i != kNone; i = symbols[i].next) ids.push_back(symbols[i].id);
}

}  // namespace lehr::text
