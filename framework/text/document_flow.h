// Goes over document files with all the threads of the stage: blocks are read in order, worked on
// in parallel, and their results taken in order again. At most threads + 2 blocks are in memory.
#pragma once

#include <lehr/context.h>
#include <oneapi/tbb/task_arena.h>

#include <filesystem>
#include <vector>

#include "text/block_pipeline.h"
#include "text/documents.h"

namespace lehr::text {

// work(DocumentParser&, Result&), any thread: the parser stands before a block's documents;
// the Result is used again and again. take(Result&), in the order of the blocks, one at a time.
// Throws Cancelled when the stage is asked to stop, and what `work` and `take` throw.
template <class Result, class Work, class Take>
void flow(Context& context, const std::vector<std::filesystem::path>& files, Work work, Take take) {
  struct Item {
    LineBlock lines;
    std::uint64_t position = 0;  // in all files, for progress
    DocumentParser parser;
    Result result;
  };
  LineBlocks blocks(files);
  tbb::task_arena arena(context.threads());
  const bool whole = arena.execute([&] {
    return run_blocks<Item>(
        blocks, context.threads(), [&] { return context.cancelled(); },
        [&](Item& item) { item.position = blocks.position(); },
        [&](Item& item) {
          item.parser.start(item.lines, files[item.lines.file].string());
          work(item.parser, item.result);
        },
        [&](Item& item) {
          take(item.result);
          context.progress(item.position, blocks.total_bytes(), "bytes");
        });
  });
  if (!whole) throw Cancelled();
}

}  // namespace lehr::text
