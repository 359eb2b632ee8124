// What survives when a mix is killed, in its three passes:
//
//   counting  how large the documents of each source are: the place in the sources, the counts
//   sorting   the records, in sorted runs, each durable with the place in the sources behind it
//   writing   how far the runs are merged, and the shards that have what came out
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "mix_stage.h"
#include "record_runs.h"
#include "text/document_shards.h"
#include "text/line_blocks.h"
#include "text/token_shards.h"

namespace lehr::plugins::mix {

class MixState {
 public:
  enum class Pass { counting, sorting, writing };
  // How far the mix is written.
  struct Written {
    std::vector<std::uint64_t> offsets;                   // of the merge; empty: nothing is written
    std::vector<std::uint64_t> documents, tokens, bytes;  // by source; bytes: of text
    text::ShardPosition shard;                            // where documents are mixed
    text::SplitPosition train, eval;                      // where tokens are
    std::uint64_t done = 0;                               // bytes of text, or of ids
  };

  // sources: must outlive this.
  MixState(const Context& context, std::vector<Source>& sources, const MixLimits& limits);

  // Reads the last committed state, if there is one.
  void resume();

  Pass pass = Pass::counting;
  std::size_t source = 0;        // that is read
  text::BlockPosition position;  // in it; of tokens, `end_offset` is the next document's number
  Written written;

  // Of the passes over the sources: `bytes` more of them were read, up to `position`.
  void advance(std::uint64_t bytes);
  void next_source();
  // Ends this pass.
  void next_pass();
  // While sorting: takes a record; when memory is full, what is held becomes a run of the next
  // state, however many records come between two calls of advance().
  void add(std::uint64_t key, std::string_view record);
  // While writing: so much text is in the shards, as `now` says.
  void write(Written now);
  // What is not durable yet.
  void commit();

  std::vector<std::filesystem::path> runs() const;

 private:
  void commit_pass();
  const std::filesystem::path& begun();
  void write_run();

  const Context& context_;
  std::vector<Source>& sources_;
  const MixLimits limits_;
  HeldRecords held_;
  std::filesystem::path begun_;    // the next state, if it is begun
  std::size_t begun_runs_ = 0;     // that are in it
  std::vector<std::string> kept_;  // tags of the states that hold the counts and the runs
  std::uint64_t uncommitted_ = 0, commits_ = 0;
};

}  // namespace lehr::plugins::mix
