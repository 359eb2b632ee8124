#include "text/bpe_encoder.h"

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

std::uint64_t key(TokenId left, TokenId right) { return std::uint64_t{left} << 32 | right; }

}  // namespace

BpeEncoder::BpeEncoder(const std::vector<std::string>& tokens,
                       const std::vector<std::pair<TokenId, TokenId>>& merges, bool ignore_merges) {
  boost::unordered_flat_map<std::string_view, TokenId> ids;
  for (std::size_t id = 0; id < tokens.size(); ++id)
    if (!tokens[id].empty()) ids.emplace(tokens[id], static_cast<TokenId>(id));
  for (std::size_t b = 0; b < 256; ++b) {
    const std::string byte(1, static_cast<char>(b));
    const auto found = ids.find(byte);
    if (found == ids.end())
      throw Error("the vocabulary has no token for byte " + std::to_string(b) + " ('" +
                  to_byte_level(byte) + "'). Only byte-level vocabularies are supported");
    bytes_[b] = found->second;
  }
  merges_.reserve(merges.size());
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const auto [left, right] = merges[rank];
    const std::string joined = tokens.at(left) + tokens.at(right);
    const auto found = ids.find(joined);
    if (found == ids.end())
      throw Error("merge " + std::to_string(rank) + " makes '" + to_byte_level(joined) +
                  "', which is not in the vocabulary");
    // A pair that is listed twice has its later rank, as in Hugging Face's tokenizers.
    merges_[key(left, right)] = {static_cast<std::uint32_t>(rank), found->second};
  }
  if (ignore_merges)
    for (const auto& [bytes, id] : ids) whole_.emplace(std::string(bytes), id);
}

const BpeEncoder::Merge* BpeEncoder::find(TokenId left, TokenId right) const {
  const auto found = merges_.find(key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BpeEncoder::encode(std::string_view word, std::vector<TokenId>& ids) const {
  if (!whole_.empty()) {
    if (const auto found = whole_.find(std::string(word)); found != whole_.end()) {
      ids.push_back(found->second);
      return;
    }
  }
  if (word.size() <= kShort)
    encode_short(word, ids);
  else
    encode_long(word, ids);
}

void BpeEncoder::encode_short(std::string_view word, std::vector<TokenId>& ids) const {
  TokenId symbols[kShort];
  Merge pairs[kShort];  // of symbol i and i + 1; rank kNone if they do not merge
  std::size_t size = word.size();
  const auto look = [&](std::size_t i) {
    const Merge* m = find(symbols[i], symbols[i + 1]);
    pairs[i] = m ? *m : Merge{kNone, 0};
  };
  for (std::size_t i = 0; i < size; ++i) symbols[i] = bytes_[static_cast<unsigned char>(word[i])];
  for (std::size_t i = 0; i + 1 < size; ++i) look(i);
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
    if (const Merge* m = find(symbols[i].id, symbols[symbols[i].next].id))
      queue.push({m->rank, i, m->result});
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
    const Merge* m = find(left.id, right.id);
    if (m == nullptr || m->result != top.result) continue;  // a symbol changed since
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
