// How many rows a curriculum will have, without reading WordNet, which takes a second: for the
// estimates of the stages that train on them. WordNet 3.0 does not change, so how many facts it
// holds of each relation is known; a few more are left out where one answer would dominate.
#pragma once

#include "curriculum.h"
#include "text/row_counts.h"

namespace lehr::plugins::wordnet {

// Of the training files; about a tenth off.
struct ExpectedRows {
  text::RowCounts conversations, preferences;
};
ExpectedRows expected_rows(const CurriculumOptions& options);

}  // namespace lehr::plugins::wordnet
