// What survives when training is stopped: the words counted so far. A commit writes those that were
// counted since the one before, so all commits are kept and added up in the end. Whoever is stopped
// while it merges commits the sum instead of them.
#pragma once

#include <lehr/context.h>

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "text/line_blocks.h"
#include "text/word_counts.h"

namespace lehr::plugins::tokenizer {

class TrainState {
 public:
  explicit TrainState(const Context& context) : context_(context) {}

  // Reads the last committed state. Throws Error if it is damaged.
  void resume();
  // Whether anything is counted: then all conversations are, and the documents up to `position`.
  bool begun() const { return !commits_.empty(); }
  // Whether all is counted.
  bool complete() const { return complete_; }
  text::BlockPosition position;

  // What is in `counts` moves to a new state.
  void commit(text::WordCounts& counts);
  // All the words there are.
  void commit_all(std::span<const text::WordCount> words);
  // Adds what was committed.
  void add_to(text::WordCounts& counts) const;

 private:
  void write(const std::filesystem::path& folder) const;

  const Context& context_;
  bool complete_ = false;
  std::vector<std::string> commits_;  // tags of the states that hold words
};

}  // namespace lehr::plugins::tokenizer
