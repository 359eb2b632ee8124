// The durable state of a pass: where it is in its input and output, what it has counted, and the
// texts and lines it has seen. A commit writes only the hashes that are new since the one before,
// so all commits are kept and read again when a pass goes on.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "document_block.h"

namespace lehr::plugins::filter {

struct Position {
  std::size_t file = 0;                        // the input file of the last block
  std::uint64_t end_offset = 0, end_line = 1;  // where that block ends
  std::uint64_t output_length = 0;             // of the file's output
};

class FilterState {
 public:
  // ordered: the steps of the pass that remember; they must outlive this.
  FilterState(const Context& context, const std::vector<std::unique_ptr<OrderedStep>>& ordered)
      : context_(context), ordered_(ordered), added_(ordered.size()) {}

  // Reads the last committed state; false if there is none.
  bool resume();
  // Counts a finished block, whose documents are in the output file.
  void add(const DocumentBlock& block, const Position& position);
  void commit();

  const Position& position() const { return position_; }
  const text::DocumentSummary& summary() const { return summary_; }

 private:
  const Context& context_;
  Position position_;
  text::DocumentSummary summary_;
  const std::vector<std::unique_ptr<OrderedStep>>& ordered_;
  std::vector<std::string> added_;    // to what each of them remembers, since the last commit
  std::vector<std::string> commits_;  // tags
};

}  // namespace lehr::plugins::filter
