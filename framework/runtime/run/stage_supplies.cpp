#include "runtime/run/stage_supplies.h"

#include <string>
#include <utility>

namespace lehr::runtime {

namespace fs = std::filesystem;

StageSupplies::StageSupplies(fs::path host, fs::path folders)
    : host_(std::move(host)), folders_(std::move(folders)) {}

StageSupplies::~StageSupplies() {
  for (const fs::path& folder : free_) {
    try {
      remove_tree(folder);
    } catch (const std::exception&) {  // gc takes it
    }
  }
}

void StageSupplies::keep_host_ready() {
  if (waiting_) return;
  try {
    waiting_ = std::make_unique<StageProcess>(host_, "--spec");
  } catch (const IoError&) {
  }
}

std::unique_ptr<StageProcess> StageSupplies::take_host() {
  auto host = std::move(waiting_);
  if (host && !host->has_ended()) return host;
  return std::make_unique<StageProcess>(host_, "--spec");
}

fs::path StageSupplies::take_folder() {
  if (free_.empty()) return folders_.string() + "-" + std::to_string(made_++);
  fs::path folder = std::move(free_.back());
  free_.pop_back();
  return folder;
}

}  // namespace lehr::runtime
