// What survives when a stage that collects documents is killed: where it is in its input, how far
// its shards are written, what it has counted.
#pragma once

#include <lehr/context.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

#include "text/document_shards.h"
#include "text/document_summary.h"

namespace lehr::text {

// Where reading goes on.
struct CollectionPosition {
  std::uint64_t source = 0;  // number of the file
  std::uint64_t offset = 0;  // in it: bytes, or rows, that were read
  std::uint64_t line = 1;
};

// What became of some documents.
struct CollectionTally {
  DocumentSummary summary;
  std::uint64_t replaced = 0;    // documents with U+FFFD for what was not UTF-8
  std::uint64_t without_id = 0;  // rows without the member that the user named as their id
};

struct CollectionProgress {
  CollectionPosition position;
  std::array<ShardPosition, 2> shards;  // train, eval
  std::array<std::uint64_t, 2> documents{};
  CollectionTally tally;
};

class CollectionState {
 public:
  explicit CollectionState(const Context& context) : context_(context) {}

  // Reads the last committed progress; false if there is none.
  bool resume();
  void commit() const;
  // Results of the stage, and summary.json in `folder`. Throws Error if there is no document in
  // `files`, of which it says these words.
  void report(const std::filesystem::path& folder, const std::string& files) const;
  CollectionProgress progress;

 private:
  const Context& context_;
};

}  // namespace lehr::text
