// Preferences and feedback as sequences: the prompt is the trunk, two answers its branches, with a
// weight of 1 on what the assistant wrote and its end-of-turn. Plain C++.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lm/sequence_feed.h"
#include "lm/sequence_file.h"
#include "text/tokenizer.h"

namespace lehr::lm {

inline constexpr int32_t kChosen = 0, kRejected = 1;  // branches, as in SegmentOwner

struct PreferencePairs {
  SequenceFile sequences;
  // Of the pairs that were not dropped.
  std::vector<float> margins;               // 0 where the row has none
  std::vector<const std::string*> sources;  // "" where the row has none
  std::set<std::string> names = {};         // of the sources
  int64_t read = 0;
  int64_t cut = 0;      // shortened at the end
  int64_t dropped = 0;  // too long: by the rule, or a cut left one answer nothing
  size_t size() const { return margins.size(); }
};

enum class OverLong { kCut, kDrop };

// Appends all pairs of the files of an artifact's split to `into`, which it gives back. Throws
// lehr::Error with file and line for a row that is malformed or whose answers do not begin with the
// assistant.
PreferencePairs read_preferences(const std::vector<std::filesystem::path>& files,
                                 const text::Tokenizer& tokenizer, int64_t max_length,
                                 OverLong over_long, SequenceFile into);

// Branches of feedback: the answer of the row, and a mismatched one, which answers another row.
inline constexpr int32_t kAnswer = 0, kMismatched = 1;

struct FeedbackPairs {
  SequenceFile sequences;
  std::vector<bool> good;  // labels of the rows that were not dropped
  // Answer i + distance, past the last one from the first on, is the mismatched one of i: the most
  // rows in succession that ask the same, so 1 where no neighbours do. 0: all rows ask the same,
  // and it is the next one all the same.
  size_t distance = 0;
  int64_t read = 0;
  int64_t cut = 0;      // shortened at the end
  int64_t dropped = 0;  // the prompt leaves no room for an answer
  size_t size() const { return good.size(); }
  size_t good_ones() const;
};

// All rows of the files of an artifact's split; what is cut, is at the end. scratch and most_tokens
// as SequenceFile takes them. Throws lehr::Error with file and line for a row that is malformed or
// whose answer does not begin with the assistant.
FeedbackPairs read_feedback(const std::vector<std::filesystem::path>& files,
                            const text::Tokenizer& tokenizer, int64_t max_length,
                            const std::filesystem::path& scratch,
                            std::optional<int64_t> most_tokens = {});

// How pairs are packed for training: few at a time, as sorting by length sorts by kind too
// (rambling pairs are long) and an update should see kinds mixed.
SequenceFeedOptions pair_packing(int64_t row_tokens, int64_t step_tokens, uint64_t seed);

}  // namespace lehr::lm
