// Conversations as sequences for training: rendered in the chat format of the tokenizer, with a
// weight of 1 on assistant content and its end-of-turn and 0 elsewhere; what follows the last of
// them is left out. Plain C++.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lm/random.h"
#include "lm/sequence_file.h"
#include "text/chat.h"
#include "text/tokenizer.h"

namespace lehr::lm {

struct ChatReport {
  int64_t conversations = 0;  // read
  int64_t cut = 0;            // shortened at the end
  int64_t tokens_cut = 0;
  int64_t dropped = 0;  // the cut left no trained token
  // Trained messages of the assistant that are blank, and the file and line of the first.
  int64_t blank_answers = 0;
  std::string first_blank;
};

// How often each conversation of a source is seen in an epoch: the whole part of the weight, and
// once more for a share of them drawn by (seed, source).
class SourceWeight {
 public:
  // Throws std::invalid_argument if the weight is not between 0 and 1000.
  SourceWeight(double weight, uint64_t seed, int64_t source);
  int64_t copies(uint64_t conversation) const;

 private:
  double weight_;
  Random random_;
};

// Appends all conversations of the files of an artifact's split; counts are added to
// `report`. Throws lehr::Error with file and line for a row that is malformed or has no trained
// token before it is cut.
void read_conversations(const std::vector<std::filesystem::path>& files,
                        const text::Tokenizer& tokenizer, int64_t max_length,
                        const SourceWeight& weight, ChatReport& report, SequenceFile& into);

}  // namespace lehr::lm
