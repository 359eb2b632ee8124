#include "write_pass.h"

#include <tbb/enumerable_thread_specific.h>

#include <algorithm>
#include <string>
#include <vector>

#include "block_pipeline.h"
#include "text/documents.h"

namespace lehr::plugins::minhash {
namespace {

constexpr std::size_t kExampleBytes = 80;

struct WrittenBlock {
  text::LineBlock lines;
  std::uint64_t position = 0;  // in all files, for progress
  std::uint32_t first = 0, documents = 0;
  std::string json, frame;
  std::vector<WriteState::ExampleText> examples;
};

// Takes the next row, as text::DocumentParser finds them.
bool take_row(std::string_view& rest, std::string_view& row, bool& first_of_file) {
  while (text::take_line(rest, row)) {
    if (first_of_file && row.starts_with("\xef\xbb\xbf")) row.remove_prefix(3);
    first_of_file = false;
    if (row.find_first_not_of(" \t\r") != std::string_view::npos) return true;
  }
  return false;
}

std::uint32_t count_rows(const text::LineBlock& block) {
  std::uint32_t rows = 0;
  std::string_view rest = block.bytes();
  bool first = block.first_line == 1;
  for (std::string_view row; take_row(rest, row, first);) ++rows;
  return rows;
}

std::string beginning(std::string_view text) {
  if (text.size() <= kExampleBytes) return std::string(text);
  std::size_t end = kExampleBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

WriteState::ExampleText example_of(std::uint32_t number, std::string_view row) {
  text::LineBlock block;
  block.buffer.assign(row.begin(), row.end());
  block.buffer.resize(row.size() + text::LineBlock::kPadding);
  block.size = row.size();
  text::DocumentParser parser;
  parser.start(block, "");
  text::Document document;
  std::string_view line;
  parser.next(document, line);
  return {number, std::string(document.id), beginning(document.text)};
}

// wanted: sorted numbers of the documents to show.
void write_block(WrittenBlock& block, const Clusters& clusters,
                 const std::vector<std::uint32_t>& wanted, text::FrameCompressor& compressor) {
  block.json.clear();
  block.examples.clear();
  std::string_view rest = block.lines.bytes();
  bool first = block.lines.first_line == 1;
  std::uint32_t number = block.first;
  for (std::string_view row; take_row(rest, row, first); ++number) {
    if (std::binary_search(wanted.begin(), wanted.end(), number))
      block.examples.push_back(example_of(number, row));
    if (!clusters.is_root(number)) continue;
    block.json += row;
    block.json += '\n';
  }
  block.frame = block.json.empty() ? std::string_view() : compressor.compress(block.json);
}

}  // namespace

void write_kept(Context& context, const text::DocumentFiles& files, const Clusters& clusters,
                std::uint64_t commit_every_bytes, MinhashState& state) {
  WriteState& written = state.write;
  std::vector<std::uint32_t> wanted;
  for (const auto& example : written.clusters.examples)
    wanted.insert(wanted.end(), example.documents.begin(), example.documents.end());
  std::sort(wanted.begin(), wanted.end());
  text::LineBlocks blocks(files.inputs);
  text::FrameOutput output(files, context.output("documents"));
  written.position.resume(blocks);
  if (written.position.begun) output.resume(written.position.file, written.output_length);
  tbb::enumerable_thread_specific<text::FrameCompressor> compressors;
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
    written.output_length = output.append(block.frame);
    written.position.set(block.lines);
    written.seen += block.documents;
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
  const bool whole = run_blocks<WrittenBlock>(
      blocks, context.threads(), [&] { return context.cancelled(); }, begin,
      [&](WrittenBlock& block) { write_block(block, clusters, wanted, compressors.local()); },
      finish);
  if (!whole) {
    if (uncommitted > 0) state.commit_written();
    throw Cancelled();
  }
  if (written.seen != written.documents)
    throw Error("the documents changed since they were signed");
  output.finish();
}

void report(const Context& context, const WriteState& state) {
  const ClusterSummary& clusters = state.clusters;
  context.result("documents_in", state.documents);
  context.result("documents_out", static_cast<double>(state.documents - clusters.dropped));
  context.result("clusters", static_cast<double>(clusters.clusters));
  context.result("dropped", static_cast<double>(clusters.dropped));
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
}

}  // namespace lehr::plugins::minhash
