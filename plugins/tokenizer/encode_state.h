// What survives when encoding is stopped: where it is in the documents, and how far the shards are
// written. The tokens themselves are in the output, which the host cuts to what it was then.
#pragma once

#include <lehr/context.h>

#include "text/line_blocks.h"
#include "text/token_shards.h"

namespace lehr::plugins::tokenizer {

struct EncodeState {
  text::BlockPosition position;  // in the documents, those for evaluation first
  text::SplitPosition eval, train;

  // The last one that was committed, else the beginning. Throws Error if it is damaged.
  static EncodeState latest(const Context& context);
  void commit(const Context& context) const;
};

}  // namespace lehr::plugins::tokenizer
