// Conversations as sequences for training: rendered in the chat format of the tokenizer, with a
// weight of 1 on assistant content and its end-of-turn and 0 elsewhere; what follows the last of
// them is left out. Plain C++.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "lm/packer.h"
#include "text/chat.h"
#include "text/tokenizer.h"

namespace lehr::lm {

struct ChatReport {
  int64_t conversations = 0;  // read
  int64_t cut = 0;            // shortened at the end
  int64_t tokens_cut = 0;
  int64_t dropped = 0;  // the cut left no trained token
};

// All conversations of one split ("train", "eval") of an artifact; counts are added to `report`.
// Throws lehr::Error with file and line for a row that is malformed or has no trained token before
// it is cut.
std::vector<Sequence> read_conversations(const std::filesystem::path& artifact,
                                         std::string_view split, const text::Tokenizer& tokenizer,
                                         int64_t max_length, ChatReport& report);

// Repeats a source by its weight: the whole part for all, the rest for a share of the sequences
// drawn by (seed, source). weight 1 changes nothing.
std::vector<Sequence> weigh(std::vector<Sequence> sequences, double weight, uint64_t seed,
                            int64_t source);

}  // namespace lehr::lm
