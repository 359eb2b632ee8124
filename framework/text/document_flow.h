// Goes over document files with all the threads of the stage: blocks are read in order, worked on
// in parallel, and their results taken in order again. At most threads + 2 blocks are in memory.
#pragma once

#include <lehr/context.h>
#include <oneapi/tbb/task_arena.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "text/block_pipeline.h"
#include "text/documents.h"

namespace lehr::text {

// Of a pass that goes on where it was stopped.
struct Durable {
  BlockPosition& position;  // where it begins, and then behind the block that is taken
  std::uint64_t every = 0;  // bytes of text, as lines of JSON
  // Makes durable what was taken. Called after each `every` bytes, and before Cancelled is thrown
  // if something is new, while no block is under way; the end of the pass is left to the caller.
  std::function<void()> commit;
};

// work(DocumentParser&, Result&), any thread: the parser stands before a block's documents;
// the Result is used again and again. take(Result&), in the order of the blocks, one at a time.
// Throws Cancelled when the stage is asked to stop, and what `work`, `take` and `commit` throw.
template <class Result, class Work, class Take>
void flow(Context& context, const std::vector<std::filesystem::path>& files, const Durable& durable,
          Work work, Take take) {
  struct Item {
    LineBlock lines;
    std::uint64_t position = 0;  // in all files, for progress
    DocumentParser parser;
    Result result;
  };
  LineBlocks blocks(files);
  durable.position.resume(blocks);
  tbb::task_arena arena(context.threads());
  arena.execute([&] {
    for (bool whole = false, cancelled = false; !whole;) {
      std::uint64_t read = 0;
      whole = run_blocks<Item>(
          blocks, context.threads(),
          [&] { return (cancelled = context.cancelled()) || read >= durable.every; },
          [&](Item& item) {
            item.position = blocks.position();
            read += item.lines.size;
          },
          [&](Item& item) {
            item.parser.start(item.lines, files[item.lines.file].string());
            work(item.parser, item.result);
          },
          [&](Item& item) {
            durable.position.set(item.lines);
            take(item.result);
            context.progress(item.position, blocks.total_bytes(), "bytes");
          });
      if (!whole && read > 0) durable.commit();
      if (cancelled) throw Cancelled();
    }
  });
}

// The same for a pass that begins anew when it was stopped.
template <class Result, class Work, class Take>
void flow(Context& context, const std::vector<std::filesystem::path>& files, Work work, Take take) {
  BlockPosition beginning;
  flow<Result>(context, files, Durable{beginning, ~std::uint64_t{0}, [] {}}, std::move(work),
               std::move(take));
}

}  // namespace lehr::text
