// One split of a documents artifact as files of zstd frames: SPLIT-00000.jsonl.zst, SPLIT-00001...
// A shard ends with the block that reaches shard_bytes. What was written is described by a
// Position, from which a stage that was killed goes on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "text/documents.h"

namespace lehr::text {

struct ShardPosition {
  std::uint64_t shard = 0;   // the file that is written
  std::uint64_t length = 0;  // of that file; 0: it is not begun
};

class DocumentShards {
 public:
  // position: a former one, whose files are there.
  DocumentShards(std::filesystem::path folder, std::string split, std::uint64_t shard_bytes,
                 ShardPosition position = {});
  // frames: a block of documents as lines of JSON, compressed.
  void append(std::string_view frames);
  // The next block begins another file.
  void end_shard();
  ShardPosition position() const { return position_; }
  // Ends the last file. A split that was given none has no file.
  void close();

 private:
  std::filesystem::path folder_;
  std::string split_;
  std::uint64_t shard_bytes_;
  ShardPosition position_;
  std::optional<FrameFile> file_;
};

}  // namespace lehr::text
