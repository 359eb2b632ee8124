// All documents of some files as an artifact, in one parallel pass,
//
//   read (serial) -> parse, hold out, serialise, compress (parallel) -> write (serial)
//
// in blocks of about 8 MiB, of which threads + 2 are under way. The output does not depend on the
// number of threads; a pass that was killed goes on after its last durable block.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <vector>

#include "piece_reader.h"

namespace lehr::plugins::files {

struct CollectionOptions {
  DocumentRules rules;
  ReadingRules reading;
  double eval_fraction = 0;  // of the documents of training files
  std::uint64_t shard_bytes = 0;
  std::uint64_t commit_every = 0;  // bytes of input between two durable states
};

// Throws Cancelled after the finished blocks were committed, and Error.
void collect(Context& context, const std::vector<Source>& train, const std::vector<Source>& eval,
             const CollectionOptions& options);

}  // namespace lehr::plugins::files
