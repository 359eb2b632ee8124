#include "runtime/store/results_ahead.h"

#include <sstream>

#include "runtime/store/run_log.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kFewKeys = 64;

// The keys of the pipeline's newest run; none if there is none, or it cannot be read.
std::string newest_keys(const fs::path& runs, std::string_view pipeline) {
  constexpr std::size_t kTime = std::string_view("20261125-213156-").size(),
                        kRandom = std::string_view("-30c3").size();
  const std::string wanted = folder_name(pipeline);
  std::string newest;
  std::error_code error;
  for (fs::directory_iterator it(runs, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename();
    if (name.size() == kTime + wanted.size() + kRandom && name > newest &&
        name.compare(kTime, wanted.size(), wanted) == 0)
      newest = name;
  }
  try {
    return newest.empty() ? "" : read_file(runs / newest / "keys");
  } catch (const IoError&) {
    return "";
  }
}

}  // namespace

ResultsAhead::ResultsAhead(const ArtifactStore& store, std::string_view pipeline) : store_(store) {
  std::istringstream keys(newest_keys(store.root() / "runs", pipeline));
  for (std::string key; std::getline(keys, key);) {
    if (by_key_.contains(key)) continue;
    Slot& slot = slots_.emplace_back();
    slot.key = std::move(key);
    by_key_[slot.key] = &slot;
  }
  if (slots_.size() < kFewKeys)
    by_key_.clear();
  else
    thread_ = std::thread([this] { read_ahead(); });
}

ResultsAhead::~ResultsAhead() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void ResultsAhead::read_ahead() {
  for (Slot& slot : slots_) {
    if (stopping_) return;
    int open = kOpen;
    if (!slot.state.compare_exchange_strong(open, kBeingRead)) continue;
    try {
      slot.result = store_.find_result(slot.key);
      slot.state = kRead;
    } catch (const std::exception&) {  // whoever asks for it reads it again, and hears why
      slot.state = kNotHere;
    }
    slot.state.notify_one();
  }
}

std::optional<StageResult> ResultsAhead::find(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return store_.find_result(key);
  Slot& slot = *found->second;
  int open = kOpen;
  if (slot.state.compare_exchange_strong(open, kNotHere)) return store_.find_result(key);
  slot.state.wait(kBeingRead);
  if (slot.state.exchange(kNotHere) != kRead) return store_.find_result(key);
  return std::move(slot.result);
}

}  // namespace lehr::runtime
