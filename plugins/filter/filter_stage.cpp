#include "filter_stage.h"

#include <tbb/enumerable_thread_specific.h>
#include <tbb/global_control.h>
#include <tbb/parallel_pipeline.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "filter_state.h"
#include "text/document_files.h"
#include "text/handed_over.h"
#include "text/spare_blocks.h"

namespace lehr::plugins::filter {
namespace {

// The steps cut at each one that is decided in order.
struct Phases {
  std::vector<std::vector<std::size_t>> between{1};  // numbers of the steps that run between them
  std::vector<std::unique_ptr<OrderedStep>> ordered;

  Phases(const Value& steps, const std::filesystem::path& folder) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (auto step = make_ordered_step(steps.at(i), folder)) {
        ordered.push_back(std::move(step));
        between.emplace_back();
      } else {
        between.back().push_back(i);
      }
    }
  }
};

// What one thread needs.
struct Worker {
  text::DocumentParser parser;
  text::FrameCompressor compressor;
  std::vector<std::optional<StepInstance>> steps;  // by number; none that is decided in order
  std::vector<std::vector<Judge>> phases;
  std::optional<DocumentScorer> scorer;  // instead of the steps, in a pass that scores
};

class Pass {
 public:
  Pass(Context& context, bool score, std::int64_t commit_every)
      : context_(context),
        score_(score),
        commit_every_(static_cast<std::uint64_t>(commit_every)),
        files_(context.input("documents").path),
        steps_(context.parameters()["steps"]),
        phases_(steps_, context.output("documents")),
        blocks_(files_.inputs, {.keep_frames = true}),
        output_(files_, context.output("documents")),
        state_(context, phases_.ordered),
        workers_([this] { return make_worker(); }),
        under_way_(static_cast<std::size_t>(context.threads()) + 2),
        spare_(under_way_, [this] { return std::make_unique<DocumentBlock>(one_huge_); }) {}

  // Throws Cancelled after the finished blocks were committed.
  void run() {
    const auto begin = std::chrono::steady_clock::now();
    blocks_.decompress_ahead(context_.threads());
    if (state_.resume()) {
      const Position& p = state_.position();
      blocks_.resume(p.file, p.end_offset, p.end_line);
      output_.resume(p.file, p.output_length);
    }
    const std::uint64_t resumed_bytes = state_.summary().bytes_in();
    const auto threads = static_cast<std::size_t>(context_.threads());
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    flow();
    if (cancelled_) {
      if (uncommitted_ > 0) state_.commit();
      throw Cancelled();
    }
    output_.finish();
    state_.summary().report(context_);
    state_.summary().write(context_.output("documents"));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    context_.volatile_result(
        "megabytes_per_second",
        static_cast<double>(state_.summary().bytes_in() - resumed_bytes) / 1e6 / seconds.count());
  }

 private:
  using Filter = tbb::filter<DocumentBlock*, DocumentBlock*>;

  void flow() {
    Filter chain = parallel(0);
    for (std::size_t k = 0; k < phases_.ordered.size(); ++k)
      chain = chain & decide(*phases_.ordered[k]) & parallel(k + 1);
    const auto read = tbb::make_filter<void, DocumentBlock*>(tbb::filter_mode::serial_in_order,
                                                             [this](tbb::flow_control& fc) {
                                                               const text::HandedOver here;
                                                               return next(fc);
                                                             });
    const auto write = tbb::make_filter<DocumentBlock*, void>(tbb::filter_mode::serial_in_order,
                                                              [this](DocumentBlock* block) {
                                                                const text::HandedOver here;
                                                                finish(*block);
                                                              });
    const text::HandedOver here;
    tbb::parallel_pipeline(under_way_, read & chain & write);
  }

  DocumentBlock* next(tbb::flow_control& fc) {
    cancelled_ = context_.cancelled();
    DocumentBlock* const block = cancelled_ ? nullptr : spare_.take();
    if (block == nullptr || !blocks_.next(block->lines)) {
      fc.stop();
      return nullptr;
    }
    read_bytes_.store(blocks_.position(), std::memory_order_relaxed);
    return block;
  }

  Filter parallel(std::size_t k) {
    return tbb::make_filter<DocumentBlock*, DocumentBlock*>(
        tbb::filter_mode::parallel, [this, k](DocumentBlock* block) {
          const text::HandedOver here;
          Worker& worker = workers_.local();
          if (k == 0)
            block->parse(worker.parser, files_.inputs[block->lines.file].string());
          else
            phases_.ordered[k - 1]->settle(*block);
          if (worker.scorer)
            block->score(*worker.scorer);
          else
            block->apply(worker.phases[k]);
          if (k < phases_.ordered.size())
            phases_.ordered[k]->hash(*block);
          else
            block->serialise(worker.compressor);
          return block;
        });
  }

  Filter decide(OrderedStep& step) {
    return tbb::make_filter<DocumentBlock*, DocumentBlock*>(
        tbb::filter_mode::serial_in_order, [this, &step](DocumentBlock* block) {
          const text::HandedOver here;
          step.decide(*block, block->added.emplace_back());
          return block;
        });
  }

  void finish(DocumentBlock& block) {
    const text::LineBlock& lines = block.lines;
    output_.begin(lines.file);
    const std::uint64_t length = output_.append(block.frames());
    state_.add(block, {lines.file, lines.end_offset, lines.end_line, length});
    uncommitted_ += lines.size;
    if (uncommitted_ >= commit_every_) {
      state_.commit();
      uncommitted_ = 0;
    }
    const text::DocumentSummary& sum = state_.summary();
    context_.progress(read_bytes_.load(std::memory_order_relaxed), blocks_.total_bytes(), "bytes",
                      "kept " + std::to_string(sum.documents_out()) + " of " +
                          std::to_string(sum.documents_in()));
    spare_.put_back(&block);
  }

  Worker make_worker() {
    Worker worker;
    if (score_) {
      worker.scorer.emplace(context_, steps_);
      return worker;
    }
    worker.steps.resize(steps_.size());
    for (const auto& phase : phases_.between) {
      std::vector<Judge>& judges = worker.phases.emplace_back();
      for (const std::size_t i : phase) {
        worker.steps[i].emplace(context_.open_step("steps", i));
        judges.push_back({&*worker.steps[i], steps_.at(i)["name"].string().starts_with("filter.")});
      }
    }
    return worker;
  }

  Context& context_;
  const bool score_;
  const std::uint64_t commit_every_;
  const text::DocumentFiles files_;
  const Value steps_;
  const Phases phases_;
  text::LineBlocks blocks_;
  text::FrameOutput output_;
  FilterState state_;
  tbb::enumerable_thread_specific<Worker> workers_;
  std::mutex one_huge_;  // document at a time; see DocumentBlock
  const std::size_t under_way_;
  text::SpareBlocks<DocumentBlock> spare_;
  std::atomic<std::uint64_t> read_bytes_ = 0;
  std::uint64_t uncommitted_ = 0;
  bool cancelled_ = false;
};

}  // namespace

void Filter::describe(Description& d) {
  d.summary("keeps, drops and rewrites documents by a list of steps, in one parallel pass");
  d.input("documents", "documents");
  d.output("documents", "documents");
  d.steps("steps", steps_).required().help("document steps, applied in this order");
  d.boolean("score", score_)
      .help(
          "keep every document as it is, and write into its field filter_scores what each step "
          "measures and would do; later stages judge by these numbers");
  d.bytes("commit_every", commit_every_)
      .at_least(1)
      .no_effect()
      .help("text between two durable states; a killed stage repeats at most this much");
}

void Filter::check() {
  for (std::size_t i = 0; score_ && i < steps_.size(); ++i)
    if (decides_in_order(steps_[i]))
      throw Error("steps[" + std::to_string(i) + "]: step '" + steps_[i] +
                  "' decides by which documents stay, and with score: true all of them stay. Move "
                  "it to the stage that drops documents");
}

void Filter::run(Context& context) { Pass(context, score_, commit_every_).run(); }

}  // namespace lehr::plugins::filter
