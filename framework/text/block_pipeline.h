// Blocks of lines through three functions: `begin` as they are read and `finish`, both one at a
// time and in order, and between them `work` on any number of threads. threads + 2 blocks are under
// way, so memory does not depend on the corpus. How many threads there are, the caller's arena or
// global_control says.
#pragma once

#include <tbb/parallel_pipeline.h>

#include <memory>

#include "text/handed_over.h"
#include "text/line_blocks.h"
#include "text/spare_blocks.h"

namespace lehr::text {

// Block: has a member `lines`. Returns false if `cancelled` said so; all that was begun is
// finished.
template <class Block, class Cancelled, class Begin, class Work, class Finish>
bool run_blocks(LineBlocks& blocks, int threads, Cancelled cancelled, Begin begin, Work work,
                Finish finish) {
  const auto under_way = static_cast<std::size_t>(threads) + 2;
  blocks.decompress_ahead(threads);
  SpareBlocks<Block> spare(under_way, [] { return std::make_unique<Block>(); });
  bool stopped = false;
  const auto read = tbb::make_filter<void, Block*>(
      tbb::filter_mode::serial_in_order, [&](tbb::flow_control& flow) -> Block* {
        const HandedOver here;
        stopped = cancelled();
        Block* const block = stopped ? nullptr : spare.take();
        if (block == nullptr || !blocks.next(block->lines)) {
          flow.stop();
          return nullptr;
        }
        begin(*block);
        return block;
      });
  const auto middle =
      tbb::make_filter<Block*, Block*>(tbb::filter_mode::parallel, [&](Block* block) {
        const HandedOver here;
        work(*block);
        return block;
      });
  const auto write =
      tbb::make_filter<Block*, void>(tbb::filter_mode::serial_in_order, [&](Block* block) {
        const HandedOver here;
        finish(*block);
        spare.put_back(block);
      });
  {
    const HandedOver here;
    tbb::parallel_pipeline(under_way, read & middle & write);
  }
  return !stopped;
}

}  // namespace lehr::text
