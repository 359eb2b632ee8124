// Goes over document files with all the threads of the stage: blocks are read in order, worked on
// in parallel, and their results taken in order again. At most threads + 2 blocks are in memory.
#pragma once

#include <oneapi/tbb/concurrent_queue.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>

#include <lehr/context.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/documents.h"

namespace lehr::text {

// work(DocumentParser&, Result&), any thread: the parser stands before a block's documents;
// the Result is used again and again. take(Result&), in the order of the blocks, one at a time.
// Throws Cancelled when the stage is asked to stop, and what `work` and `take` throw.
template <class Result, class Work, class Take>
void flow(Context& context, const std::vector<std::filesystem::path>& files, Work work, Take take) {
  struct Item {
    LineBlock block;
    DocumentParser parser;
    Result result;
  };
  const std::size_t in_flight = static_cast<std::size_t>(context.threads()) + 2;
  std::vector<std::unique_ptr<Item>> items(in_flight);
  tbb::concurrent_queue<Item*> idle;
  for (auto& item : items) idle.push((item = std::make_unique<Item>()).get());

  LineBlocks blocks(files);
  std::atomic<std::uint64_t> read_bytes = 0;
  bool cancelled = false;
  const auto read = [&](tbb::flow_control& control) -> Item* {
    Item* item = nullptr;
    cancelled = context.cancelled();
    if (cancelled || !idle.try_pop(item) || !blocks.next(item->block)) {
      control.stop();
      return nullptr;
    }
    read_bytes = blocks.position();
    return item;
  };
  const auto handle = [&](Item* item) {
    item->parser.start(item->block, files[item->block.file].string());
    work(item->parser, item->result);
    return item;
  };
  const auto finish = [&](Item* item) {
    take(item->result);
    context.progress(read_bytes, blocks.total_bytes(), "bytes");
    idle.push(item);
  };
  using tbb::filter_mode;
  tbb::task_arena arena(context.threads());
  arena.execute([&] {
    tbb::parallel_pipeline(in_flight,
                           tbb::make_filter<void, Item*>(filter_mode::serial_in_order, read) &
                               tbb::make_filter<Item*, Item*>(filter_mode::parallel, handle) &
                               tbb::make_filter<Item*, void>(filter_mode::serial_in_order, finish));
  });
  if (cancelled) throw Cancelled();
}

}  // namespace lehr::text
