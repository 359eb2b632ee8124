// Documents joined into clusters, each named by its smallest document, its root: whatever order
// pairs come in, and from however many threads, the result is the same. 4 bytes for a document.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <vector>

namespace lehr::plugins::minhash {

class Clusters {
 public:
  // Each document on its own.
  explicit Clusters(std::uint32_t documents);
  // From what write() wrote. Throws Error if the file does not hold so many documents.
  Clusters(const std::filesystem::path& path, std::uint32_t documents);

  // May be called by several threads at once.
  void unite(std::uint32_t a, std::uint32_t b);
  // After all pairs, before what follows.
  void finish();

  bool is_root(std::uint32_t document) const { return roots_[document] == document; }
  std::uint32_t root(std::uint32_t document) const { return roots_[document]; }
  std::uint32_t documents() const { return static_cast<std::uint32_t>(roots_.size()); }
  void write(const std::filesystem::path& path) const;

 private:
  std::uint32_t find(std::uint32_t document);
  std::vector<std::uint32_t> roots_;
};

// What a user wants to know of the clusters of two documents and more.
struct ClusterSummary {
  std::uint64_t clusters = 0, dropped = 0, largest = 0;
  std::map<std::uint64_t, std::uint64_t> sizes;  // clusters by the power of two they do not exceed
  // The first few documents of the largest clusters; the root first.
  struct Example {
    std::uint64_t size = 0;
    std::vector<std::uint32_t> documents;
  };
  std::vector<Example> examples;
};
// Takes 4 more bytes for a document while it counts.
ClusterSummary summarise(const Clusters& clusters);

}  // namespace lehr::plugins::minhash
