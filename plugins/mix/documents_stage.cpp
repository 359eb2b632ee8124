#include "documents_stage.h"

#include <tbb/concurrent_queue.h>
#include <tbb/enumerable_thread_specific.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "mix_state.h"
#include "text/document_flow.h"
#include "text/document_shards.h"
#include "text/document_summary.h"
#include "text/handed_over.h"

namespace lehr::plugins::mix {
namespace {

constexpr std::size_t kBlockBytes = 8 << 20;

// A document in the sorted records: number of its source u32, bytes of its text u32, its row.
struct Head {
  std::uint32_t source, text_bytes;
};

// The rows of one block, as they stand.
struct Rows {
  std::string bytes;
  std::vector<std::pair<std::size_t, std::uint32_t>> ends;  // of each row; bytes of its text
};

void read_rows(text::DocumentParser& parser, Rows& rows) {
  rows.bytes.clear();
  rows.ends.clear();
  text::Document document;
  for (std::string_view line; parser.next(document, line);) {
    rows.bytes += line;
    rows.ends.emplace_back(rows.bytes.size(), static_cast<std::uint32_t>(document.text.size()));
  }
}

// The training rows of the source that `state` is in, from its position on: take(rows), one block
// after the other.
template <class Take>
void read_source(Context& context, const Source& source, MixState& state, Take take) {
  struct Block {
    text::LineBlock lines;
    std::uint64_t position = 0;  // in all files, for progress
    text::DocumentParser parser;
    Rows rows;
  };
  const auto files = text::data_files(source.input.path, "train");
  text::LineBlocks blocks(files);
  state.position.resume(blocks);
  tbb::task_arena arena(context.threads());
  const bool whole = arena.execute([&] {
    return text::run_blocks<Block>(
        blocks, context.threads(), [&] { return context.cancelled(); },
        [&](Block& block) { block.position = blocks.position(); },
        [&](Block& block) {
          block.parser.start(block.lines, files[block.lines.file].string());
          read_rows(block.parser, block.rows);
        },
        [&](Block& block) {
          take(block.rows);
          state.position.set(block.lines);
          state.advance(block.lines.size);
          context.progress(block.position, blocks.total_bytes(), "bytes");
        });
  });
  if (whole) return;
  state.commit();
  throw Cancelled();
}

void count(Context& context, std::vector<Source>& sources, MixState& state) {
  for (; state.source < sources.size(); state.next_source()) {
    Source& source = sources[state.source];
    read_source(context, source, state, [&](const Rows& rows) {
      for (const auto& [end, text_bytes] : rows.ends) source.placing.count(text_bytes);
    });
  }
}

void sort(Context& context, std::vector<Source>& sources, MixState& state) {
  std::string record;
  for (; state.source < sources.size(); state.next_source()) {
    Source& source = sources[state.source];
    const auto number = static_cast<std::uint32_t>(state.source);
    read_source(context, source, state, [&](const Rows& rows) {
      std::size_t begin = 0;
      for (const auto& [end, text_bytes] : rows.ends) {
        const auto& places = source.placing.places(text_bytes);
        const Head head{number, text_bytes};
        if (!places.empty()) {
          record.assign(reinterpret_cast<const char*>(&head), sizeof head);
          record.append(rows.bytes, begin, end - begin);
        }
        for (const std::uint64_t place : places) state.add(place, record);
        begin = end;
      }
    });
  }
}

// The runs merged, cut into frames that are compressed on all threads and written in order.
class Writing {
 public:
  // shard_ends: the totals of text bytes at which a shard ends.
  Writing(Context& context, MixState& state, text::DocumentShards& shards,
          std::vector<std::uint64_t> shard_ends)
      : context_(context),
        state_(state),
        shards_(shards),
        shard_ends_(std::move(shard_ends)),
        merge_(state.runs(), state.written.offsets),
        gathered_(state.written) {
    for (; shard_ < shard_ends_.size() && gathered_.done >= shard_ends_[shard_]; ++shard_) {
    }
  }

  // total: bytes of text, for progress.
  void run(std::uint64_t total) {
    const std::size_t in_flight = static_cast<std::size_t>(context_.threads()) + 2;
    std::vector<Frame> frames(in_flight);
    for (Frame& frame : frames) idle_.push(&frame);
    tbb::enumerable_thread_specific<text::FrameCompressor> compressors;
    using tbb::filter_mode;
    const auto gather = tbb::make_filter<void, Frame*>(
        filter_mode::serial_in_order, [&](tbb::flow_control& control) -> Frame* {
          const text::HandedOver here;
          Frame* frame = nullptr;
          cancelled_ = context_.cancelled();
          if (!cancelled_ && idle_.try_pop(frame) && fill(*frame)) return frame;
          control.stop();
          return nullptr;
        });
    const auto compress =
        tbb::make_filter<Frame*, Frame*>(filter_mode::parallel, [&](Frame* frame) {
          const text::HandedOver here;
          frame->compressed = compressors.local().compress(frame->json);
          return frame;
        });
    const auto write =
        tbb::make_filter<Frame*, void>(filter_mode::serial_in_order, [&](Frame* frame) {
          const text::HandedOver here;
          shards_.append(frame->compressed);
          if (frame->ends_shard) shards_.end_shard();
          frame->written.shard = shards_.position();
          context_.progress(frame->written.done, total, "bytes");
          state_.write(std::move(frame->written));
          idle_.push(frame);
        });
    tbb::task_arena arena(context_.threads());
    arena.execute([&] {
      const text::HandedOver here;
      tbb::parallel_pipeline(in_flight, gather & compress & write);
    });
    if (!cancelled_) return;
    state_.commit();
    throw Cancelled();
  }

 private:
  struct Frame {
    std::string json, compressed;
    bool ends_shard = false;
    MixState::Written written;  // with this frame
  };

  // The next documents; false if there are none.
  bool fill(Frame& frame) {
    frame.json.clear();
    frame.ends_shard = false;
    std::string_view record;
    while (frame.json.size() < kBlockBytes && !frame.ends_shard && merge_.next(record)) {
      Head head;
      std::memcpy(&head, record.data(), sizeof head);
      frame.json += record.substr(sizeof head);
      frame.json += '\n';
      gathered_.done += head.text_bytes;
      gathered_.bytes[head.source] += head.text_bytes;
      ++gathered_.documents[head.source];
      for (; shard_ < shard_ends_.size() && gathered_.done >= shard_ends_[shard_]; ++shard_)
        frame.ends_shard = true;
    }
    frame.written = gathered_;
    frame.written.offsets = merge_.offsets();
    return !frame.json.empty();
  }

  Context& context_;
  MixState& state_;
  text::DocumentShards& shards_;
  const std::vector<std::uint64_t> shard_ends_;
  RunMerge merge_;
  MixState::Written gathered_;  // so far; `offsets` and `shard` are not kept up
  std::size_t shard_ = 0;
  bool cancelled_ = false;
  tbb::concurrent_queue<Frame*> idle_;
};

// All of the sources' held-out documents, once, in their order.
void write_eval(Context& context, const std::vector<Source>& sources,
                const std::filesystem::path& folder, std::uint64_t shard_bytes) {
  text::DocumentShards shards(folder, "eval", shard_bytes);
  text::FrameCompressor compressor;
  for (const Source& source : sources)
    text::flow<Rows>(context, text::data_files(source.input.path, "eval"), read_rows,
                     [&](Rows& rows) {
                       std::string json;
                       std::size_t begin = 0;
                       for (const auto& [end, text_bytes] : rows.ends) {
                         json.append(rows.bytes, begin, end - begin) += '\n';
                         begin = end;
                       }
                       if (!json.empty()) shards.append(compressor.compress(json));
                     });
  shards.close();
}

}  // namespace

void Documents::describe(Description& d) {
  d.summary("mixes documents by weight, with epochs and caps, shuffled and cut into shards");
  d.input("documents", "documents").list().help("the sources, any number");
  d.output("documents", "documents");
  MixStage::describe(d);
  d.bytes("shard_bytes", shard_bytes_)
      .at_least(1)
      .help("compressed bytes after which another file begins, where 'shards' does not say");
}

void Documents::run(Context& context) {
  std::vector<Source> sources = MixStage::sources(context);
  MixState state(context, sources, limits());
  state.resume();
  if (state.pass == MixState::Pass::counting) {
    count(context, sources, state);
    state.next_pass();
  }
  const std::uint64_t total = decide(context, sources);
  if (state.pass == MixState::Pass::sorting) {
    sort(context, sources, state);
    state.next_pass();
  }
  std::vector<std::uint64_t> shard_ends;
  const auto parts = static_cast<std::uint64_t>(shards_.value_or(1));
  for (std::uint64_t i = 1; i < parts; ++i)
    shard_ends.push_back(static_cast<std::uint64_t>(
        static_cast<double>(total) * static_cast<double>(i) / static_cast<double>(parts)));
  const auto folder = context.output("documents");
  const auto shard_bytes = shards_ ? ~std::uint64_t{0} : static_cast<std::uint64_t>(shard_bytes_);
  text::DocumentShards train(folder, "train", shard_bytes, state.written.shard);
  Writing(context, state, train, shard_ends).run(total);
  train.close();
  const MixState::Written& written = state.written;
  if (std::accumulate(written.documents.begin(), written.documents.end(), std::uint64_t{0}) == 0)
    throw Error("the mix is empty: total is too small for a document");
  write_eval(context, sources, folder, static_cast<std::uint64_t>(shard_bytes_));
  text::DocumentSummary summary;
  for (std::size_t i = 0; i < sources.size(); ++i)
    summary.add_source(
        sources[i].options.from,
        {written.documents[i], written.bytes[i], 0,
         static_cast<double>(written.bytes[i]) /
             static_cast<double>(std::max<std::uint64_t>(sources[i].placing.size(), 1))});
  summary.write(folder);
  report(context, sources, written.documents, written.bytes);
}

}  // namespace lehr::plugins::mix
