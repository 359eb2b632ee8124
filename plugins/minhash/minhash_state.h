// What survives a kill. While documents are signed: where that is, and the runs written so far, one
// for each commit. Afterwards the clusters alone, and where the writing of the output is.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <string>
#include <vector>

#include "clusters.h"
#include "text/document_summary.h"
#include "text/line_blocks.h"

namespace lehr::plugins::minhash {

struct SignState {
  text::BlockPosition position;  // behind the last finished block
  std::uint32_t documents = 0;
  std::uint64_t without_shingles = 0;
  std::vector<std::string> runs;  // tags of the states that hold one
  bool complete = false;
};

struct WriteState {
  struct ExampleText {
    std::uint32_t document = 0;
    std::string id, text;  // text: its beginning
  };
  text::BlockPosition position;
  std::uint32_t documents = 0, seen = 0;  // in the corpus; before the position
  std::uint64_t output_length = 0;        // of the file that is written
  std::uint64_t without_shingles = 0;
  ClusterSummary clusters;
  text::DocumentSummary summary;      // of the blocks that are written
  std::vector<ExampleText> examples;  // those seen, by document
};

class MinhashState {
 public:
  explicit MinhashState(const Context& context) : context_(context) {}

  // Reads the last committed state into one of both; neither changes if there is none.
  void resume();
  // False while documents are signed.
  bool is_writing() const { return writing_; }

  // Commits the signing with a run that write_run() wrote, or one more when `records` is empty.
  void commit_run(std::vector<struct BandRecord>& records);
  std::vector<std::filesystem::path> run_files() const;
  // Ends the signing; the runs are dropped.
  void commit_clusters(const Clusters& clusters);
  Clusters read_clusters() const;
  void commit_written();

  SignState sign;
  WriteState write;

 private:
  const Context& context_;
  bool writing_ = false;
};

}  // namespace lehr::plugins::minhash
