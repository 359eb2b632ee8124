#include "write_pass.h"

#include <tbb/enumerable_thread_specific.h>

#include <algorithm>
#include <string>
#include <vector>

#include "text/block_pipeline.h"
#include "text/documents.h"
#include "text/kept_rows.h"

namespace lehr::plugins::minhash {
namespace {

constexpr std::size_t kExampleBytes = 80;
constexpr const char* kReason = "near_duplicate";

struct WrittenBlock {
  text::LineBlock lines;
  std::uint64_t position = 0;  // in all files, for progress
  std::uint32_t first = 0, documents = 0;
  text::KeptRows kept;
  std::vector<WriteState::ExampleText> examples;
  text::DocumentSummary summary;
};

// How many rows text::DocumentParser will find.
std::uint32_t count_rows(const text::LineBlock& block) {
  std::uint32_t rows = 0;
  std::string_view rest = block.bytes();
  if (block.first_line == 1 && rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  for (std::string_view line; text::take_line(rest, line);)
    rows += line.find_first_not_of(" \t\r") != std::string_view::npos;
  return rows;
}

// What one thread needs.
struct WriteThread {
  text::DocumentParser parser;
  text::FrameCompressor compressor;
};

// wanted: sorted numbers of the documents to show.
void write_block(WrittenBlock& block, const std::string& file, const Clusters& clusters,
                 const std::vector<std::uint32_t>& wanted, WriteThread& worker) {
  block.kept.start(block.lines, worker.compressor);
  block.examples.clear();
  block.summary.clear();
  worker.parser.start(block.lines, file);
  text::Document document;
  std::uint32_t number = block.first;
  for (std::string_view row; worker.parser.next(document, row); ++number) {
    block.summary.read(document.text);
    if (std::binary_search(wanted.begin(), wanted.end(), number))
      block.examples.push_back(
          {number, std::string(document.id), text::beginning(document.text, kExampleBytes)});
    if (clusters.is_root(number)) {
      block.summary.keep(document.text);
      block.kept.add(row);
    } else {
      block.summary.drop(kReason, document.id, document.text);
    }
  }
  block.kept.finish();
}

}  // namespace

void write_kept(Context& context, const text::DocumentFiles& files, const Clusters& clusters,
                std::uint64_t commit_every_bytes, MinhashState& state) {
  WriteState& written = state.write;
  std::vector<std::uint32_t> wanted;
  for (const auto& example : written.clusters.examples)
    wanted.insert(wanted.end(), example.documents.begin(), example.documents.end());
  std::sort(wanted.begin(), wanted.end());
  text::LineBlocks blocks(files.inputs, {.keep_frames = true});
  text::FrameOutput output(files, context.output("documents"));
  written.position.resume(blocks);
  if (written.position.begun) output.resume(written.position.file, written.output_length);
  tbb::enumerable_thread_specific<WriteThread> workers;
  std::uint32_t read = written.seen;
  std::uint64_t uncommitted = 0;
  const auto begin = [&](WrittenBlock& block) {
    block.position = blocks.position();
    block.first = read;
    block.documents = count_rows(block.lines);
    if (block.documents > clusters.documents() - read)
      throw Error("the documents changed since they were signed");
    read += block.documents;
  };
  const auto finish = [&](WrittenBlock& block) {
    output.begin(block.lines.file);
    written.output_length = output.append(block.kept.frames());
    written.position.set(block.lines);
    written.seen += block.documents;
    written.summary.append(block.summary);
    for (auto& example : block.examples) written.examples.push_back(std::move(example));
    uncommitted += block.lines.size;
    if (uncommitted >= commit_every_bytes) {
      state.commit_written();
      uncommitted = 0;
    }
    context.progress(blocks.total_bytes() + block.position, 2 * blocks.total_bytes(), "bytes",
                     "written " + std::to_string(written.seen) + " of " +
                         std::to_string(written.documents) + " documents");
  };
  const bool whole = text::run_blocks<WrittenBlock>(
      blocks, context.threads(), [&] { return context.cancelled(); }, begin,
      [&](WrittenBlock& block) {
        write_block(block, files.inputs[block.lines.file].string(), clusters, wanted,
                    workers.local());
      },
      finish);
  if (!whole) {
    if (uncommitted > 0) state.commit_written();
    throw Cancelled();
  }
  if (written.seen != written.documents)
    throw Error("the documents changed since they were signed");
  output.finish();
  written.summary.write(context.output("documents"));
}

void report(const Context& context, const WriteState& state) {
  const ClusterSummary& clusters = state.clusters;
  context.result("clusters", static_cast<double>(clusters.clusters));
  context.result("largest_cluster", static_cast<double>(clusters.largest));
  context.result("without_shingles", static_cast<double>(state.without_shingles));
  for (const auto& [upper, number] : clusters.sizes) {
    const std::uint64_t lower = upper / 2 + 1;
    const std::string range = lower == upper ? std::to_string(upper)
                                             : std::to_string(lower) + "-" + std::to_string(upper);
    context.result("clusters_of/" + range, static_cast<double>(number));
    context.info(std::to_string(number) + (number == 1 ? " cluster of " : " clusters of ") + range +
                 " documents");
  }
  for (const auto& example : clusters.examples) {
    std::string line = "a cluster of " + std::to_string(example.size) + " documents";
    for (const std::uint32_t number : example.documents)
      for (const auto& text : state.examples)
        if (text.document == number)
          line += std::string("\n  ") + (number == example.documents[0] ? "kept " : "dropped ") +
                  text.id + ": " + json_string(text.text);
    context.info(line);
  }
  state.summary.report(context);
}

}  // namespace lehr::plugins::minhash
