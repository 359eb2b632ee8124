// What the results of a pipeline's stages were when they were last looked up, in one file: a run of
// a thousand stages with nothing to do would else open two thousand.
//
//   cache/results-<pipeline>    lehr results 1
//                               R<key> <stamp> <the result without its key parts, as JSON>
//                               A<digest> <stamp> <artifact.json>
//                               ...
//                               <SHA-256 of all lines above>
//   stamp: "<inode> <bytes> <modified> <changed>" of results/<key>.json or artifact.json
//
// A cache that the store outweighs: it may be missing, old, damaged or of another store. A line
// counts only while the file it was read from is the same and untouched and, of every output, all
// files are there in their sizes; anything else is asked of the store. Who can forge a line with
// the right stamp can write results as well.
#pragma once

#include <cstddef>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/store/store.h"

namespace lehr::runtime {

class ResultIndex {
 public:
  // `store` outlives it. pipeline: its name. Throws IoError.
  ResultIndex(const ArtifactStore& store, std::string_view pipeline);
  ResultIndex(const ResultIndex&) = delete;
  ResultIndex& operator=(const ResultIndex&) = delete;

  // What store.find_result(key) gives, without key parts; learnt if it was not known. The caller
  // holds store.shared_lock(). Throws IoError.
  std::optional<StageResult> find(std::string_view key);
  // Writes down what was found if some of it was learnt. What was not asked for is kept as long as
  // there is not more of it. That it cannot be written is no error.
  void save() const;
  // So that none remembers what is gone. Throws IoError.
  static void remove_all(const ArtifactStore& store);

 private:
  struct Line {
    std::string_view text;
    bool used = false;
  };
  void load();  // once there is something that it may speak of
  // The JSON of the line called `name` if that is about a file with this stamp; it is used then.
  std::optional<std::string_view> use(const std::string& name, std::string_view stamp);
  void learn(const std::string& name, std::string_view stamp, std::string_view json);
  // The artifact is there, every file in its size.
  bool holds(const std::string& digest);

  const ArtifactStore& store_;
  const FileDescriptor results_;  // the folder: the kernel walks down to it once
  const std::filesystem::path file_;
  bool loaded_ = false;
  std::string text_;
  std::deque<std::string> learnt_;
  std::vector<Line> lines_;                               // views into text_ and learnt_
  std::unordered_map<std::string_view, std::size_t> at_;  // by name: "R<key>", "A<digest>"
  std::unordered_set<std::string> held_;                  // digests that holds() has looked at
};

}  // namespace lehr::runtime
