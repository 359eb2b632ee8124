// Where tests feed sequences: in a file, as stages do.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "lm/sequence_file.h"

namespace lehr::lm {

inline SequenceFile stored(const std::vector<Sequence>& sequences) {
  SequenceFile file(testing::TempDir());
  for (const Sequence& sequence : sequences) file.add(sequence);
  return file;
}

}  // namespace lehr::lm
