// The documents of text files, training files first, for text::DocumentCollection.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "piece_reader.h"
#include "source_blocks.h"

namespace lehr::plugins::files {

class FileDocuments {
 public:
  using Block = SourceBlock;
  using Worker = PieceReader;

  FileDocuments(const std::vector<Source>& train, const std::vector<Source>& eval,
                const ReadingRules& reading, DocumentRules rules);

  Worker worker() const { return Worker(rules_); }
  bool next(Block& block) { return blocks_.next(block); }
  void resume(const text::CollectionPosition& position) { blocks_.resume(position); }
  std::uint64_t position() const { return blocks_.position(); }
  std::uint64_t total_bytes() const { return blocks_.total_bytes(); }
  std::string named() const { return files::named(blocks_.sources()); }
  std::uint64_t size(const Block& block) const;

  template <class Put>
  void read(Worker& worker, const Block& block, text::CollectionTally& tally, Put put) const {
    for (const std::string& place : block.too_long)
      tally.summary.drop("too_long", place, "longer than max_document_bytes");
    for (const Piece& piece : block.pieces) {
      const bool evaluation = piece.source >= train_sources_;
      worker.read(block, piece, blocks_.sources()[piece.source], tally,
                  [&](const text::Document& document) { put(document, evaluation); });
    }
  }

 private:
  const DocumentRules rules_;
  const std::size_t train_sources_;  // those before are for training
  SourceBlocks blocks_;
};

}  // namespace lehr::plugins::files
