// Preference pairs as sequences: the prompt is the trunk, the chosen and the rejected answer its
// two branches, with a weight of 1 on what the assistant wrote and its end-of-turn. Plain C++.
#pragma once

#include <cstdint>
#include <filesystem>
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

// How pairs are packed for training: few at a time, as sorting by length sorts by kind too
// (rambling pairs are long) and an update should see kinds mixed.
SequenceFeedOptions pair_packing(int64_t row_tokens, int64_t step_tokens, uint64_t seed);

}  // namespace lehr::lm
