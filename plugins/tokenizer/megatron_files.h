// The indexed dataset of Megatron-LM, which NeMo reads too: two files for a split.
//
//   PREFIX.bin  the ids one behind the other, uint16 or int32, little-endian
//   PREFIX.idx  "MMIDIDX" and two zero bytes; u64 version 1; u8 type of the ids (8 uint16, 4
//   int32);
//               u64 sequences; u64 marks; then
//               int32  tokens of each sequence
//               int64  where each begins in the .bin, in bytes
//               int64  marks: the sequence each document begins with, and at last their number
//
// Here every document is one sequence. The ids are those of the shards, which have the same widths
// (no vocabulary has 2^31 tokens, so that u32 and int32 are the same bytes).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "text/token_shards.h"

namespace lehr::plugins::tokenizer {

// How far the two files of a split are written; a stage that was stopped goes on from there.
struct MegatronPosition {
  enum class Part { ids, lengths, begins, marks };
  Part part = Part::ids;
  std::uint64_t next = 0;   // of the part: token, sequence or mark
  std::uint64_t bytes = 0;  // of both files
};

// shards: with at least one document; narrow: their ids are u16. position: a former one, whose
// files are there; what is in them behind it is cut off. look_around: called now and then, when all
// before its position is with the operating system; may throw. Throws Error if a file cannot be
// written, or a document has 2^31 tokens.
void write_megatron_files(const text::TokenShards& shards, bool narrow,
                          const std::filesystem::path& prefix, const MegatronPosition& position,
                          const std::function<void(const MegatronPosition&)>& look_around);

}  // namespace lehr::plugins::tokenizer
