#include "minhash_stage.h"

#include <sys/resource.h>
#include <tbb/global_control.h>

#include <chrono>

#include "minhash_state.h"
#include "sign_pass.h"
#include "write_pass.h"

namespace lehr::plugins::minhash {
namespace {

constexpr std::int64_t kMaxFunctions = 4096;

}  // namespace

void Minhash::describe(Description& d) {
  d.summary(
      "drops near-duplicates: of documents that share most of their shingles the first stays");
  d.input("documents", "documents");
  d.output("documents", "documents");
  d.count("bands", bands_).range(1, 1024).help("one whole band in common makes near-duplicates");
  d.count("rows", rows_)
      .range(1, 1024)
      .help("hashes in a band; the threshold is about (1/bands)^(1/rows)");
  d.choice("shingle_unit", shingle_unit_, {"words", "characters"})
      .help("what a shingle is made of");
  d.count("shingle_size", shingle_size_)
      .range(1, 1024)
      .help("words or characters in a shingle; a document with fewer is kept");
  d.choice("word_splitter", word_splitter_, {"uax29", "whitespace"})
      .help("where words end: at Unicode's word boundaries, or at whitespace");
  d.choice("hash", hash_, {"fast", "datatrove"})
      .help(
          "datatrove: the same signatures and clusters as datatrove, for 1.4 times the processor "
          "time");
  d.bytes("memory", memory_)
      .range(1 << 20, 1e15)
      .no_effect()
      .help("for keys, before they go to disk; 8 bytes a document come on top");
  d.bytes("commit_every", commit_every_)
      .at_least(1)
      .no_effect()
      .help("text between two durable states; a killed stage repeats at most this much");
}

void Minhash::check() {
  if (bands_ * rows_ > kMaxFunctions)
    throw Error("bands " + std::to_string(bands_) + " times rows " + std::to_string(rows_) +
                " are more than " + std::to_string(kMaxFunctions) + " hashes");
}

SignatureOptions Minhash::signature_options() const {
  SignatureOptions options;
  options.bands = static_cast<std::size_t>(bands_);
  options.rows = static_cast<std::size_t>(rows_);
  options.shingles.size = static_cast<std::size_t>(shingle_size_);
  if (shingle_unit_ == "characters") options.shingles.unit = ShingleUnit::characters;
  if (word_splitter_ == "whitespace") options.shingles.splitter = text::WordSplitter::whitespace;
  if (hash_ == "datatrove") options.shingles.hash = HashMode::datatrove;
  return options;
}

void Minhash::run(Context& context) {
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                  static_cast<std::size_t>(context.threads()));
  const text::DocumentFiles files(context.input("documents").path);
  const PassLimits limits{static_cast<std::uint64_t>(memory_),
                          static_cast<std::uint64_t>(commit_every_)};
  MinhashState state(context);
  state.resume();
  if (!state.is_writing()) {
    if (!state.sign.complete) sign_documents(context, files, signature_options(), limits, state);
    context.volatile_result("seconds/signed", seconds());
    const Clusters clusters = cluster_documents(context, limits, state);
    state.write.documents = state.sign.documents;
    state.write.without_shingles = state.sign.without_shingles;
    state.write.clusters = summarise(clusters);
    state.commit_clusters(clusters);
    context.volatile_result("seconds/clustered", seconds());
  }
  write_kept(context, files, state.read_clusters(), limits.commit_every_bytes, state);
  report(context, state.write);
  context.volatile_result("seconds/written", seconds());
  rusage usage{};  // of this stage, which has its process for itself
  if (::getrusage(RUSAGE_SELF, &usage) == 0)
    context.volatile_result("peak_memory_bytes", static_cast<double>(usage.ru_maxrss) * 1024);
}

}  // namespace lehr::plugins::minhash
