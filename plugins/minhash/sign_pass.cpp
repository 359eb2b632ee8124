#include "sign_pass.h"

#include <tbb/enumerable_thread_specific.h>

#include <limits>
#include <vector>

#include "band_runs.h"
#include "text/block_pipeline.h"
#include "text/documents.h"

namespace lehr::plugins::minhash {
namespace {

struct SignedBlock {
  text::LineBlock lines;
  std::uint64_t position = 0;  // in all files, for progress
  std::uint32_t documents = 0;
  std::vector<std::uint32_t> signed_;  // numbers, within the block, of those with keys
  std::vector<BandKey> keys;           // of each of them one for each band
};

struct SignThread {
  text::DocumentParser parser;
  Signer signer;
};

void sign(SignThread& worker, SignedBlock& block, const std::string& file) {
  block.documents = 0;
  block.signed_.clear();
  block.keys.clear();
  worker.parser.start(block.lines, file);
  text::Document document;
  for (std::string_view line; worker.parser.next(document, line); ++block.documents)
    if (worker.signer.sign(document.text, block.keys)) block.signed_.push_back(block.documents);
}

}  // namespace

void sign_documents(Context& context, const text::DocumentFiles& files,
                    const SignatureOptions& options, const PassLimits& limits,
                    MinhashState& state) {
  SignState& sign_state = state.sign;
  text::LineBlocks blocks(files.inputs);
  sign_state.position.resume(blocks);
  tbb::enumerable_thread_specific<SignThread> workers([&] {
    return SignThread{text::DocumentParser(), Signer(options)};
  });
  const std::size_t capacity = limits.memory_bytes / sizeof(BandRecord);
  std::vector<BandRecord> records;
  records.reserve(capacity);  // pages that are not written cost nothing
  std::uint64_t uncommitted = 0;
  const auto commit = [&] {
    state.commit_run(records);
    records.clear();
    uncommitted = 0;
  };
  const auto take = [&](SignedBlock& block) {
    if (!records.empty() && records.size() + block.keys.size() > capacity) commit();
    if (block.documents > std::numeric_limits<std::uint32_t>::max() - sign_state.documents)
      throw Error("more than 4,294,967,295 documents; deduplicate in parts");
    const BandKey* key = block.keys.data();
    for (const std::uint32_t number : block.signed_)
      for (std::size_t band = 0; band < options.bands; ++band, ++key)
        records.push_back({key->high, key->low, sign_state.documents + number});
    sign_state.without_shingles += block.documents - block.signed_.size();
    sign_state.documents += block.documents;
    sign_state.position.set(block.lines);
    uncommitted += block.lines.size;
    if (uncommitted >= limits.commit_every_bytes) commit();
    context.progress(block.position, 2 * blocks.total_bytes(), "bytes",
                     "signed " + std::to_string(sign_state.documents) + " documents");
  };
  const bool whole = text::run_blocks<SignedBlock>(
      blocks, context.threads(), [&] { return context.cancelled(); },
      [&](SignedBlock& block) { block.position = blocks.position(); },
      [&](SignedBlock& block) {
        sign(workers.local(), block, files.inputs[block.lines.file].string());
      },
      take);
  if (whole) sign_state.complete = true;
  if (whole || uncommitted > 0) commit();
  if (!whole) throw Cancelled();
}

Clusters cluster_documents(Context& context, const PassLimits& limits, const MinhashState& state) {
  Clusters clusters(state.sign.documents);
  for_each_pair(
      state.run_files(), limits.memory_bytes, context.threads(),
      [&] { return context.cancelled(); },
      [&](std::uint32_t first, std::uint32_t later) { clusters.unite(first, later); });
  clusters.finish();
  return clusters;
}

}  // namespace lehr::plugins::minhash
