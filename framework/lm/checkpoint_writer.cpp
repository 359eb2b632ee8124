#include "lm/checkpoint_writer.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <utility>

namespace lehr::lm {
namespace {

constexpr int kLowPriority = 10;  // of hashing and waiting for the disk

}  // namespace

void CheckpointWriter::start(Checkpoint checkpoint) {
  wait();
  snapshot_ = std::make_shared<Snapshot>();
  for (const CheckpointPart& part : checkpoint.parts) part.add_to(*snapshot_);
  const std::filesystem::path dir = context_.begin_state();
  done_ = std::async(std::launch::async, [this, dir, checkpoint = std::move(checkpoint)] {
    const auto began = std::chrono::steady_clock::now();
    write(dir, checkpoint);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  });
}

void CheckpointWriter::write(const std::filesystem::path& dir, const Checkpoint& checkpoint) {
  for (const CheckpointPart& part : checkpoint.parts) save_checkpoint(dir, part, snapshot_.get());
  // Only the thread that calls this is meant: on Linux priorities are a thread's own.
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLowPriority);
  for (const CheckpointPart& part : checkpoint.frozen) save_checkpoint(dir, part, nullptr);
  if (checkpoint.files) checkpoint.files(dir);
  write_state(dir / "training.json", checkpoint.state);
  context_.commit_state(checkpoint.tag, checkpoint.keep);
}

void CheckpointWriter::detach() {
  if (running()) snapshot_->detach();
}

bool CheckpointWriter::ended() {
  if (!running() || done_.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
    return false;
  wait();
  return true;
}

void CheckpointWriter::wait() {
  if (!running()) return;
  std::future<double> done = std::move(done_);
  seconds_ = done.get();
  snapshot_.reset();
}

}  // namespace lehr::lm
