// Writes checkpoints in a thread of its own while training goes on: files, fsync, hashes and the
// commit take seconds, the training thread pays for what a snapshot could not leave in place (see
// snapshot.h). One at a time.
#pragma once

#include <lehr/context.h>

#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lm/checkpoint.h"
#include "lm/snapshot.h"

namespace lehr::lm {

struct Checkpoint {
  std::vector<CheckpointPart> parts;   // whose values are going to change
  std::vector<CheckpointPart> frozen;  // whose values are not
  nlohmann::json state;                // becomes training.json
  // Writes more files into the checkpoint's folder; called in the other thread, so it reads only
  // what never changes. May be empty.
  std::function<void(const std::filesystem::path&)> files;
  std::string tag;
  std::vector<std::string> keep;  // tags of older ones to keep
};

class CheckpointWriter {
 public:
  // `context` must outlive the writer, whose destructor waits.
  explicit CheckpointWriter(Context& context) : context_(context) {}

  // Waits for the one before, then begins.
  void start(Checkpoint checkpoint);
  // Before anything that the running one holds changes. Costs nothing where none is running.
  void detach();
  bool running() const { return done_.valid(); }
  // True where one has ended since the last call. Throws what went wrong with it.
  bool ended();
  // Until none is running. Throws what went wrong.
  void wait();
  double seconds() const { return seconds_; }  // that the last one took to become durable

 private:
  void write(const std::filesystem::path& dir, const Checkpoint& checkpoint);

  Context& context_;
  std::shared_ptr<Snapshot> snapshot_;
  double seconds_ = 0;
  std::future<double> done_;  // last: the thread uses the members above
};

}  // namespace lehr::lm
