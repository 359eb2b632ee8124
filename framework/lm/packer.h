// Puts sequences end to end into rows without padding. A sequence is a trunk, and any number of
// branches that each see the whole trunk and themselves: a conversation is a trunk alone, a
// preference pair a prompt with two branches, a group of samples a prompt with many. Plain C++.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lm/batch.h"

namespace lehr::lm {

struct Branch {
  std::vector<int32_t> ids;
  // weights[i]: what the loss counts for predicting ids[i] from the token before it; 0: no loss
  // entry. Empty: none at all. The first token of a trunk has no token before it, so no entry.
  std::vector<float> weights;
};

struct Sequence {
  Branch trunk;
  std::vector<Branch> branches;

  int64_t tokens() const;       // of the trunk and all branches
  int64_t loss_tokens() const;  // entries it will give
  int64_t length() const;       // trunk plus the longest branch: positions needed
};

// Cuts trunk and branches at the end so that length() <= max_length, and returns how many tokens
// went. A branch may become empty; whether that drops the sequence is the caller's rule.
int64_t truncate(Sequence& sequence, int64_t max_length);

// Who owns a segment of a packed batch.
struct SegmentOwner {
  int32_t sequence = 0;  // the caller's number
  int32_t branch = -1;   // -1: the trunk
};

// A row with its owners. LossEntry::segment is the index into batch.segments and owners; entries
// come in the order of tokens within a segment. The last token of a segment is at
// segments[i].end-1.
struct Packed {
  PackedBatch batch;
  std::vector<SegmentOwner> owners;  // one per segment
};

// Appends a sequence: one segment for the trunk, one for each branch. The first token of a branch
// is predicted from the trunk's last row. Throws std::invalid_argument on an empty trunk or branch
// and on weights of another length than ids.
void append(Packed& row, const Sequence& sequence, int32_t number);

// The row with one branch of each sequence, and its trunk: what the others would cost is saved.
Packed only_branch(const Packed& row, int32_t branch);

// First-fit decreasing: bins of indices into lengths, each bin's sum <= capacity; ties keep the
// given order, members of a bin are in ascending order of index. Lengths up to an eighth of the
// capacity count as equal: they fill the gaps as well in any order, and sorting them would gather
// sequences of one length, so often of one kind, in one update. Deterministic. A length above
// capacity gets a bin of its own.
std::vector<std::vector<int32_t>> first_fit_decreasing(std::span<const int64_t> lengths,
                                                       int64_t capacity);

}  // namespace lehr::lm
