// Documents of any origin as an artifact, in one parallel pass,
//
//   read (serial) -> parse, hold out, serialise, compress (parallel) -> write (serial)
//
// in blocks, of which threads + 2 are under way. The output does not depend on the number of
// threads; a pass that was killed goes on after its last durable block.
//
// A Reader gives the blocks and knows what documents they hold:
//   struct Block { CollectionPosition end; ... };  std::uint64_t size(const Block&)
//   bool next(Block&)                       the next block; false at the end; one thread
//   void resume(const CollectionPosition&)  goes on behind a block that was read before
//   std::uint64_t position(), total_bytes() for progress
//   std::string named() const               its files, for an error
//   Worker, Worker worker()                 what one thread needs
//   void read(Worker&, const Block&, CollectionTally&, put)
//       any thread: put(const Document&, bool evaluation) for each document, drops in the tally
#pragma once

#include <tbb/enumerable_thread_specific.h>
#include <tbb/global_control.h>
#include <tbb/parallel_pipeline.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "text/collection_state.h"
#include "text/documents.h"
#include "text/handed_over.h"
#include "text/held_out.h"
#include "text/spare_blocks.h"

namespace lehr::text {

struct CollectionOptions {
  double eval_fraction = 0;  // of the documents for training, held out by their text
  std::uint64_t shard_bytes = 0;
  std::uint64_t commit_every = 0;  // bytes of input between two durable states
};

template <class Reader>
class DocumentCollection {
 public:
  DocumentCollection(Context& context, Reader& reader, const CollectionOptions& options)
      : context_(context),
        reader_(reader),
        options_(options),
        folder_(context.output("documents")),
        state_(context),
        workers_([this] {
          return Worker{reader_.worker(), FrameCompressor()};
        }),
        under_way_(static_cast<std::size_t>(context.threads()) + 2),
        spare_(under_way_, [] { return std::make_unique<Block>(); }) {}

  // Throws Cancelled after the finished blocks were committed, and Error.
  void run() {
    const auto begin = std::chrono::steady_clock::now();
    if (state_.resume()) reader_.resume(state_.progress.position);
    const std::uint64_t resumed_bytes = state_.progress.tally.summary.bytes_in();
    for (std::size_t split = 0; split < 2; ++split)
      shards_[split].emplace(folder_, split == 0 ? "train" : "eval", options_.shard_bytes,
                             state_.progress.shards[split]);
    const auto threads = static_cast<std::size_t>(context_.threads());
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    flow();
    if (cancelled_) {
      if (uncommitted_ > 0) state_.commit();
      throw Cancelled();
    }
    for (auto& shards : shards_) shards->close();
    state_.report(folder_, reader_.named());
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    const auto bytes = state_.progress.tally.summary.bytes_in() - resumed_bytes;
    context_.volatile_result("megabytes_per_second",
                             static_cast<double>(bytes) / 1e6 / seconds.count());
  }

 private:
  struct Worker {
    typename Reader::Worker reader;
    FrameCompressor compressor;
  };
  // A block on its way.
  struct Block {
    typename Reader::Block read;
    CollectionTally tally;
    std::array<std::uint64_t, 2> documents{};  // train, eval
    std::array<std::string, 2> json, frames;
  };

  void flow() {
    using tbb::filter_mode;
    const auto read = tbb::make_filter<void, Block*>(filter_mode::serial_in_order,
                                                     [this](tbb::flow_control& control) {
                                                       const HandedOver here;
                                                       return next(control);
                                                     });
    const auto work = tbb::make_filter<Block*, Block*>(filter_mode::parallel, [this](Block* block) {
      const HandedOver here;
      work_on(*block);
      return block;
    });
    const auto write =
        tbb::make_filter<Block*, void>(filter_mode::serial_in_order, [this](Block* block) {
          const HandedOver here;
          finish(*block);
        });
    const HandedOver here;
    tbb::parallel_pipeline(under_way_, read & work & write);
  }

  Block* next(tbb::flow_control& control) {
    cancelled_ = context_.cancelled();
    Block* const block = cancelled_ ? nullptr : spare_.take();
    if (block == nullptr || !reader_.next(block->read)) {
      control.stop();
      return nullptr;
    }
    read_bytes_.store(reader_.position(), std::memory_order_relaxed);
    return block;
  }

  void work_on(Block& block) {
    Worker& worker = workers_.local();
    block.tally = {};
    block.documents = {};
    for (auto& json : block.json) json.clear();
    reader_.read(
        worker.reader, block.read, block.tally, [&](const Document& document, bool evaluation) {
          const bool held_out = evaluation || is_held_out(document.text, options_.eval_fraction);
          append_document(block.json[held_out], document);
          ++block.documents[held_out];
          block.tally.summary.keep(document.text);
        });
    for (std::size_t split = 0; split < 2; ++split)
      block.frames[split] = block.json[split].empty()
                                ? std::string_view()
                                : worker.compressor.compress(block.json[split]);
  }

  void finish(Block& block) {
    CollectionProgress& progress = state_.progress;
    for (std::size_t split = 0; split < 2; ++split) {
      if (!block.frames[split].empty()) shards_[split]->append(block.frames[split]);
      progress.shards[split] = shards_[split]->position();
      progress.documents[split] += block.documents[split];
    }
    progress.tally.summary.append(block.tally.summary);
    progress.tally.replaced += block.tally.replaced;
    progress.tally.without_id += block.tally.without_id;
    progress.position = block.read.end;
    uncommitted_ += reader_.size(block.read);
    if (uncommitted_ >= options_.commit_every) {
      state_.commit();
      uncommitted_ = 0;
    }
    context_.progress(read_bytes_.load(std::memory_order_relaxed), reader_.total_bytes(), "bytes",
                      std::to_string(progress.documents[0] + progress.documents[1]) + " documents");
    spare_.put_back(&block);
  }

  Context& context_;
  Reader& reader_;
  const CollectionOptions& options_;
  const std::filesystem::path folder_;
  CollectionState state_;
  std::optional<DocumentShards> shards_[2];
  tbb::enumerable_thread_specific<Worker> workers_;
  const std::size_t under_way_;
  SpareBlocks<Block> spare_;
  std::atomic<std::uint64_t> read_bytes_ = 0;
  std::uint64_t uncommitted_ = 0;
  bool cancelled_ = false;
};

}  // namespace lehr::text
