#include "clusters.h"

#include <lehr/value.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <fstream>
#include <numeric>
#include <utility>

namespace lehr::plugins::minhash {
namespace {

constexpr std::size_t kExamples = 5, kExampleDocuments = 3;

using Parent = std::atomic_ref<std::uint32_t>;

}  // namespace

Clusters::Clusters(std::uint32_t documents) : roots_(documents) {
  std::iota(roots_.begin(), roots_.end(), 0u);
}

Clusters::Clusters(const std::filesystem::path& path, std::uint32_t documents) : roots_(documents) {
  std::ifstream in(path, std::ios::binary);
  in.read(reinterpret_cast<char*>(roots_.data()),
          static_cast<std::streamsize>(roots_.size() * sizeof(std::uint32_t)));
  bool good = static_cast<bool>(in) && in.peek() == std::ifstream::traits_type::eof();
  for (std::uint32_t i = 0; good && i < documents; ++i) good = roots_[i] <= i;
  if (!good) throw Error(path.string() + ": is damaged; remove this stage's work folder");
}

// Parents are never greater than their children, so paths end; halving them on the way needs no
// more than that another thread sees one of the parents a document has had.
std::uint32_t Clusters::find(std::uint32_t document) {
  for (;;) {
    std::uint32_t parent = Parent(roots_[document]).load(std::memory_order_relaxed);
    if (parent == document) return document;
    const std::uint32_t above = Parent(roots_[parent]).load(std::memory_order_relaxed);
    if (above != parent)
      Parent(roots_[document]).compare_exchange_weak(parent, above, std::memory_order_relaxed);
    document = above;
  }
}

void Clusters::unite(std::uint32_t a, std::uint32_t b) {
  for (;;) {
    a = find(a);
    b = find(b);
    if (a == b) return;
    if (a > b) std::swap(a, b);
    std::uint32_t expected = b;  // still a root?
    if (Parent(roots_[b]).compare_exchange_strong(expected, a, std::memory_order_relaxed)) return;
  }
}

void Clusters::finish() {
  for (std::uint32_t& root : roots_) root = roots_[root];  // parents come first
}

void Clusters::write(const std::filesystem::path& path) const {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(roots_.data()),
            static_cast<std::streamsize>(roots_.size() * sizeof(std::uint32_t)));
  if (!out.flush()) throw Error(path.string() + ": could not be written; is the disk full?");
}

ClusterSummary summarise(const Clusters& clusters) {
  ClusterSummary summary;
  std::vector<std::uint32_t> sizes(clusters.documents());
  for (std::uint32_t i = 0; i < clusters.documents(); ++i) ++sizes[clusters.root(i)];
  std::vector<std::pair<std::uint64_t, std::uint32_t>> largest;  // -size, root: sorted
  for (std::uint32_t i = 0; i < clusters.documents(); ++i) {
    const std::uint64_t size = sizes[i];
    if (size < 2) continue;
    ++summary.clusters;
    summary.dropped += size - 1;
    summary.largest = std::max(summary.largest, size);
    ++summary.sizes[std::bit_ceil(size)];
    const std::pair<std::uint64_t, std::uint32_t> entry(~size, i);
    largest.insert(std::upper_bound(largest.begin(), largest.end(), entry), entry);
    if (largest.size() > kExamples) largest.pop_back();
  }
  for (const auto& [inverted, root] : largest) {
    auto& example = summary.examples.emplace_back();
    example.size = ~inverted;
    for (std::uint32_t i = root;
         example.documents.size() < kExampleDocuments && example.documents.size() < example.size;
         ++i)
      if (clusters.root(i) == root) example.documents.push_back(i);
  }
  return summary;
}

}  // namespace lehr::plugins::minhash
