// The documents of Parquet files in the order of their row groups, for text::DocumentCollection:
// rows are decoded by one thread, a block at a time, and made into documents by all.
//
// A block is rows with about 8 MiB in columns of text, or 262,144 rows. Memory is a few such blocks
// and one page of each column, whatever the file's size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "parquet_file.h"
#include "text/collection_state.h"
#include "text/documents.h"

namespace lehr::plugins::parquet {

struct Source {
  std::filesystem::path path;
  std::string name;
  bool evaluation = false;
};

class ParquetDocuments {
 public:
  struct Batch {
    std::size_t source = 0;
    std::uint64_t first_row = 1;  // of the file, from 1
    RowBatch rows;
  };
  struct Block {
    std::vector<Batch> batches;
    std::uint64_t bytes = 0;
    text::CollectionPosition end;  // offset: rows of the file
  };
  struct Worker {
    std::string id, fields, repaired;
  };
  using Put = std::function<void(const text::Document&, bool evaluation)>;

  ParquetDocuments(std::vector<Source> sources, Rules rules);
  ~ParquetDocuments();

  Worker worker() const { return {}; }
  // Throws Error for a file that is no Parquet, is damaged or lacks the column.
  bool next(Block& block);
  void resume(const text::CollectionPosition& position);
  std::uint64_t size(const Block& block) const { return block.bytes; }
  std::uint64_t position() const;
  std::uint64_t total_bytes() const { return total_bytes_; }
  std::string named() const;
  void read(Worker& worker, const Block& block, text::CollectionTally& tally, const Put& put) const;

 private:
  bool need_file();
  void end_file();
  void read_row(Worker& worker, const Batch& batch, std::size_t row, text::CollectionTally& tally,
                const Put& put) const;

  const std::vector<Source> sources_;
  const Rules rules_;
  std::uint64_t total_bytes_ = 0, finished_bytes_ = 0;
  std::size_t next_source_ = 0;
  BoundedPool pool_;
  std::unique_ptr<ParquetFile> file_;
  text::CollectionPosition position_;
};

}  // namespace lehr::plugins::parquet
