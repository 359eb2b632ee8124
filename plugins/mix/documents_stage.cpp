#include "documents_stage.h"

#include <tbb/concurrent_queue.h>
#include <tbb/enumerable_thread_specific.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cstring>

#include "sorted_records.h"
#include "text/document_flow.h"
#include "text/document_shards.h"
#include "text/document_summary.h"

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

// Lines of documents cut into frames that are compressed on all threads and written in order.
class Writing {
 public:
  // Where a piece of the output may end: the total of the text bytes at which each shard ends.
  Writing(Context& context, text::DocumentShards& shards, std::vector<std::uint64_t> shard_ends)
      : context_(context), shards_(shards), shard_ends_(std::move(shard_ends)) {}

  // next(line, text_bytes): the next document, false at the end.
  template <class Next>
  void run(Next next, std::uint64_t total) {
    struct Frame {
      std::string json, compressed;
      bool ends_shard = false;
      std::uint64_t done = 0;
    };
    const std::size_t in_flight = static_cast<std::size_t>(context_.threads()) + 2;
    std::vector<Frame> frames(in_flight);
    tbb::concurrent_queue<Frame*> idle;
    for (Frame& frame : frames) idle.push(&frame);
    tbb::enumerable_thread_specific<text::FrameCompressor> compressors;
    std::uint64_t done = 0;
    std::size_t shard = 0;
    bool cancelled = false;
    const auto gather = [&](tbb::flow_control& control) -> Frame* {
      Frame* frame = nullptr;
      cancelled = context_.cancelled();
      if (cancelled || !idle.try_pop(frame)) {
        control.stop();
        return nullptr;
      }
      frame->json.clear();
      frame->ends_shard = false;
      std::string_view line;
      for (std::uint32_t bytes = 0;
           frame->json.size() < kBlockBytes && !frame->ends_shard && next(line, bytes);) {
        frame->json += line;
        frame->json += '\n';
        done += bytes;
        if (shard < shard_ends_.size() && done >= shard_ends_[shard]) {
          frame->ends_shard = true;
          while (shard < shard_ends_.size() && done >= shard_ends_[shard]) ++shard;
        }
      }
      frame->done = done;
      if (!frame->json.empty()) return frame;
      control.stop();
      return nullptr;
    };
    const auto compress = [&](Frame* frame) {
      frame->compressed = compressors.local().compress(frame->json);
      return frame;
    };
    const auto write = [&](Frame* frame) {
      shards_.append(frame->compressed);
      if (frame->ends_shard) shards_.end_shard();
      context_.progress(total + frame->done, 2 * total, "bytes");
      idle.push(frame);
    };
    using tbb::filter_mode;
    tbb::task_arena arena(context_.threads());
    arena.execute([&] {
      tbb::parallel_pipeline(
          in_flight, tbb::make_filter<void, Frame*>(filter_mode::serial_in_order, gather) &
                         tbb::make_filter<Frame*, Frame*>(filter_mode::parallel, compress) &
                         tbb::make_filter<Frame*, void>(filter_mode::serial_in_order, write));
    });
    if (cancelled) throw Cancelled();
  }

 private:
  Context& context_;
  text::DocumentShards& shards_;
  std::vector<std::uint64_t> shard_ends_;
};

void count(Context& context, Source& source) {
  text::flow<Rows>(context, text::data_files(source.input.path, "train"), read_rows,
                   [&](Rows& rows) {
                     for (const auto& [end, text_bytes] : rows.ends)
                       source.placing.count(text_bytes);
                   });
}

void sort(Context& context, Source& source, std::uint32_t number, SortedRecords& records) {
  std::string record;
  text::flow<Rows>(context, text::data_files(source.input.path, "train"), read_rows,
                   [&](Rows& rows) {
                     std::size_t begin = 0;
                     for (const auto& [end, text_bytes] : rows.ends) {
                       const auto& places = source.placing.places(text_bytes);
                       const Head head{number, text_bytes};
                       if (!places.empty()) {
                         record.assign(reinterpret_cast<const char*>(&head), sizeof head);
                         record.append(rows.bytes, begin, end - begin);
                       }
                       for (const std::uint64_t place : places) records.add(place, record);
                       begin = end;
                     }
                   });
}

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
  for (Source& source : sources) count(context, source);
  const std::uint64_t total = decide(context, sources);
  SortedRecords records(context.begin_state(), total + total / 8,
                        static_cast<std::uint64_t>(memory_));
  for (std::uint32_t i = 0; i < sources.size(); ++i) sort(context, sources[i], i, records);

  std::vector<std::uint64_t> shard_ends;
  const auto parts = static_cast<std::uint64_t>(shards_.value_or(1));
  for (std::uint64_t i = 1; i < parts; ++i)
    shard_ends.push_back(static_cast<std::uint64_t>(
        static_cast<double>(total) * static_cast<double>(i) / static_cast<double>(parts)));
  const auto folder = context.output("documents");
  const auto shard_bytes = shards_ ? ~std::uint64_t{0} : static_cast<std::uint64_t>(shard_bytes_);
  text::DocumentShards train(folder, "train", shard_bytes);
  std::vector<std::uint64_t> documents(sources.size()), bytes(sources.size());
  text::DocumentSummary summary;
  Writing(context, train, shard_ends)
      .run(
          [&](std::string_view& line, std::uint32_t& text_bytes) {
            std::string_view record;
            if (!records.next(record)) return false;
            Head head;
            std::memcpy(&head, record.data(), sizeof head);
            line = record.substr(sizeof head);
            text_bytes = head.text_bytes;
            ++documents[head.source];
            bytes[head.source] += text_bytes;
            return true;
          },
          total);
  train.close();
  write_eval(context, sources, folder, static_cast<std::uint64_t>(shard_bytes_));
  if (train.position().shard == 0 && train.position().length == 0)
    throw Error("the mix is empty: total is too small for a document");
  for (std::size_t i = 0; i < sources.size(); ++i)
    summary.add_source(sources[i].options.from,
                       {documents[i], bytes[i], 0,
                        static_cast<double>(bytes[i]) / static_cast<double>(std::max<std::uint64_t>(
                                                            sources[i].placing.size(), 1))});
  summary.write(folder);
  report(context, sources, documents, bytes);
}

}  // namespace lehr::plugins::mix
