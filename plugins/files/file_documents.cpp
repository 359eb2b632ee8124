#include "file_documents.h"

#include <utility>

namespace lehr::plugins::files {
namespace {

std::vector<Source> both(const std::vector<Source>& train, const std::vector<Source>& eval) {
  std::vector<Source> all = train;
  all.insert(all.end(), eval.begin(), eval.end());
  return all;
}

}  // namespace

FileDocuments::FileDocuments(const std::vector<Source>& train, const std::vector<Source>& eval,
                             const ReadingRules& reading, DocumentRules rules)
    : rules_(std::move(rules)), train_sources_(train.size()), blocks_(both(train, eval), reading) {}

std::uint64_t FileDocuments::size(const Block& block) const {
  std::uint64_t bytes = 0;
  for (const Piece& piece : block.pieces) bytes += piece.end - piece.begin;
  return bytes;
}

}  // namespace lehr::plugins::files
