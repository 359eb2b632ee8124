#include "collection.h"

#include <tbb/concurrent_queue.h>
#include <tbb/enumerable_thread_specific.h>
#include <tbb/global_control.h>
#include <tbb/parallel_pipeline.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>

#include "collection_state.h"
#include "text/held_out.h"

namespace lehr::plugins::files {
namespace {

// A block on its way.
struct Block {
  SourceBlock read;
  Tally tally;
  std::array<std::uint64_t, 2> documents{};  // train, eval
  std::array<std::string, 2> json, frames;
};

struct Worker {
  PieceReader reader;
  text::FrameCompressor compressor;
};

std::vector<Source> both(const std::vector<Source>& train, const std::vector<Source>& eval) {
  std::vector<Source> all = train;
  all.insert(all.end(), eval.begin(), eval.end());
  return all;
}

class Pass {
 public:
  Pass(Context& context, const std::vector<Source>& train, const std::vector<Source>& eval,
       const CollectionOptions& options)
      : context_(context),
        options_(options),
        train_sources_(train.size()),
        blocks_(both(train, eval), options.reading),
        state_(context),
        workers_([this] {
          return Worker{PieceReader(options_.rules), text::FrameCompressor()};
        }) {}

  void run() {
    const auto begin = std::chrono::steady_clock::now();
    if (state_.resume()) blocks_.resume(state_.progress.position);
    const std::uint64_t resumed_bytes = state_.progress.tally.summary.bytes_in();
    for (std::size_t split = 0; split < 2; ++split)
      shards_[split].emplace(context_.output("documents"), split == 0 ? "train" : "eval",
                             options_.shard_bytes, state_.progress.shards[split]);
    const auto threads = static_cast<std::size_t>(context_.threads());
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    flow(threads + 2);
    if (cancelled_) {
      if (uncommitted_ > 0) state_.commit();
      throw Cancelled();
    }
    for (auto& shards : shards_) shards->close();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    report(static_cast<double>(state_.progress.tally.summary.bytes_in() - resumed_bytes) / 1e6 /
           seconds.count());
  }

 private:
  void flow(std::size_t tokens) {
    std::vector<std::unique_ptr<Block>> owned(tokens);
    for (auto& block : owned) free_.push((block = std::make_unique<Block>()).get());
    using tbb::filter_mode;
    const auto read = tbb::make_filter<void, Block*>(
        filter_mode::serial_in_order, [this](tbb::flow_control& control) { return next(control); });
    const auto work = tbb::make_filter<Block*, Block*>(
        filter_mode::parallel, [this](Block* block) { return collect(*block), block; });
    const auto write = tbb::make_filter<Block*, void>(filter_mode::serial_in_order,
                                                      [this](Block* block) { finish(*block); });
    tbb::parallel_pipeline(tokens, read & work & write);
  }

  Block* next(tbb::flow_control& control) {
    Block* block = nullptr;
    cancelled_ = context_.cancelled();
    if (cancelled_ || !free_.try_pop(block) || !blocks_.next(block->read)) {
      control.stop();
      return nullptr;
    }
    read_bytes_.store(blocks_.position(), std::memory_order_relaxed);
    return block;
  }

  void collect(Block& block) {
    Worker& worker = workers_.local();
    block.tally = {};
    block.documents = {};
    for (auto& json : block.json) json.clear();
    for (const std::string& place : block.read.too_long)
      block.tally.summary.drop("too_long", place, "longer than max_document_bytes");
    for (const Piece& piece : block.read.pieces) {
      const bool evaluation = piece.source >= train_sources_;
      worker.reader.read(block.read, piece, blocks_.sources()[piece.source], block.tally,
                         [&](const text::Document& document) {
                           const bool held_out =
                               evaluation ||
                               text::is_held_out(document.text, options_.eval_fraction);
                           text::append_document(block.json[held_out], document);
                           ++block.documents[held_out];
                           block.tally.summary.keep(document.text);
                         });
    }
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
    for (const Piece& piece : block.read.pieces) uncommitted_ += piece.end - piece.begin;
    progress.tally.summary.append(block.tally.summary);
    progress.tally.replaced += block.tally.replaced;
    progress.position = block.read.end;
    if (uncommitted_ >= options_.commit_every) {
      state_.commit();
      uncommitted_ = 0;
    }
    context_.progress(read_bytes_.load(std::memory_order_relaxed), blocks_.total_bytes(), "bytes",
                      std::to_string(progress.documents[0] + progress.documents[1]) + " documents");
    free_.push(&block);
  }

  void report(double megabytes_per_second) {
    const CollectionProgress& progress = state_.progress;
    const text::DocumentSummary& summary = progress.tally.summary;
    const auto [train, eval] = progress.documents;
    if (train + eval == 0) throw Error("the files hold no document");
    if (train == 0) context_.warning("there is no document to train on, only for evaluation");
    context_.result("documents_train", static_cast<double>(train));
    context_.result("documents_eval", static_cast<double>(eval));
    context_.result("text_bytes", static_cast<double>(summary.bytes_out()));
    context_.result("replaced/invalid_utf8", static_cast<double>(progress.tally.replaced));
    for (const char* reason : {"malformed", "invalid_utf8"})  // told also when there are none
      if (!summary.drops().contains(reason)) context_.result(std::string("dropped/") + reason, 0);
    summary.report_drops(context_);
    summary.write(context_.output("documents"));
    context_.volatile_result("megabytes_per_second", megabytes_per_second);
  }

  Context& context_;
  const CollectionOptions& options_;
  const std::size_t train_sources_;  // those before are for training
  SourceBlocks blocks_;
  CollectionState state_;
  std::optional<text::DocumentShards> shards_[2];
  tbb::enumerable_thread_specific<Worker> workers_;
  tbb::concurrent_queue<Block*> free_;
  std::atomic<std::uint64_t> read_bytes_ = 0;
  std::uint64_t uncommitted_ = 0;
  bool cancelled_ = false;
};

}  // namespace

void collect(Context& context, const std::vector<Source>& train, const std::vector<Source>& eval,
             const CollectionOptions& options) {
  Pass(context, train, eval, options).run();
}

}  // namespace lehr::plugins::files
