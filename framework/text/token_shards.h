// Token shards: an encoded corpus on disk.
//   train-00000.bin  the ids, u16 (vocabulary of at most 65,536) or u32, little-endian
//   train-00000.idx  u64 per document: where it ends, in tokens from the start of this .bin
//   eval-*.bin, .idx  the same for the held-out part
//   tokens.json      dtype, vocab_size, tokens, documents, and the same per split
// The reader maps the files, so a corpus larger than memory can be read at random.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe_trainer.h"

namespace lehr::text {

struct SplitTotals {
  std::uint64_t tokens = 0, documents = 0, bytes = 0;  // bytes: of the text before encoding
};

// How far a split is written; a stage that was killed goes on from there.
struct SplitPosition {
  SplitTotals totals;
  std::size_t shard = 0;                    // the one that is written
  std::uint64_t tokens = 0, documents = 0;  // in it; no documents: it is not begun

  // All of it, as a durable state keeps it.
  using Numbers = std::array<std::uint64_t, 6>;
  Numbers numbers() const {
    return {totals.tokens, totals.documents, totals.bytes, shard, tokens, documents};
  }
  static SplitPosition of(const Numbers& n) {
    return {{n[0], n[1], n[2]}, static_cast<std::size_t>(n[3]), n[4], n[5]};
  }
};

// Whether ids of such a vocabulary are kept as u16.
bool fits_u16(std::size_t vocab_size);

// Writes one split ("train" or "eval"); one thread. Files are complete after finish().
class TokenShardWriter {
 public:
  static constexpr std::uint64_t kShardTokens = std::uint64_t{1} << 28;
  // A shard ends with the document that reaches shard_tokens. position: a former one, whose files
  // are there; what is in them behind it is cut off.
  TokenShardWriter(std::filesystem::path folder, std::string split, std::size_t vocab_size,
                   std::uint64_t shard_tokens = kShardTokens, const SplitPosition& position = {});
  ~TokenShardWriter();
  // One document. ids: with the closing end-of-text. text_bytes: length of the text they stand for.
  // Throws std::out_of_range for an id that is not in the vocabulary.
  void add(std::span<const TokenId> ids, std::uint64_t text_bytes);
  // Many documents, one behind the other. ends: of each, in `ids`. Id: TokenId, or std::uint16_t
  // for a vocabulary of at most 65,536, whose ids go to the file as they are.
  template <class Id>
  void add(std::span<const Id> ids, std::span<const std::size_t> ends, std::uint64_t text_bytes);
  // Behind all that was added, which is with the operating system when this returns. Throws
  // lehr::Error.
  const SplitPosition& position();
  // Throws lehr::Error if anything could not be written. A split without documents leaves no
  // file.
  SplitTotals finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Writes tokens.json, which names the dtype and adds up the splits.
void write_tokens_json(const std::filesystem::path& folder, std::size_t vocab_size,
                       const SplitTotals& train, const SplitTotals& eval);

struct TokensInfo {
  std::size_t vocab_size = 0;
  SplitTotals train, eval;
};
TokensInfo read_tokens_json(const std::filesystem::path& folder);

// Reads one split; shards in the order of their names form one sequence. Any thread.
class TokenShards {
 public:
  // A split without files is empty. Throws lehr::Error if a file's size does not fit its
  // index.
  TokenShards(const std::filesystem::path& folder, std::string_view split);
  ~TokenShards();
  TokenShards(TokenShards&&) noexcept;
  TokenShards& operator=(TokenShards&&) noexcept;

  std::uint64_t tokens() const;
  std::uint64_t documents() const;
  // One past the last token of document `index`, in the whole split. Throws Error if the index says
  // what cannot be: never less than the document before it ends at.
  std::uint64_t document_end(std::uint64_t index) const;
  // The document that holds token `position`. O(log documents).
  std::uint64_t document_of(std::uint64_t position) const;
  // Copies tokens [begin, begin + out.size()); the range may cross shards. Throws
  // std::out_of_range.
  void read(std::uint64_t begin, std::span<TokenId> out) const;
  void read(std::uint64_t begin, std::span<std::int64_t> out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lehr::text
