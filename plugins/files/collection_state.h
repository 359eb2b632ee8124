// What survives when a collection is killed: where it is in its files, how far its shards are
// written, what it has counted.
#pragma once

#include <lehr/plugin.h>

#include <array>
#include <cstdint>

#include "piece_reader.h"
#include "text/document_shards.h"

namespace lehr::plugins::files {

struct CollectionProgress {
  SourcePosition position;
  std::array<text::ShardPosition, 2> shards;  // train, eval
  std::array<std::uint64_t, 2> documents{};
  Tally tally;
};

class CollectionState {
 public:
  explicit CollectionState(const Context& context) : context_(context) {}

  // Reads the last committed progress; false if there is none.
  bool resume();
  void commit() const;
  CollectionProgress progress;

 private:
  const Context& context_;
};

}  // namespace lehr::plugins::files
