#include "runtime/run/stage_supplies.h"

#include <cstdio>
#include <utility>

#include "runtime/store/spare_work.h"

namespace lehr::runtime {

namespace fs = std::filesystem;

StageSupplies::StageSupplies(fs::path host, fs::path store_root, std::string run)
    : host_(std::move(host)), store_root_(std::move(store_root)), run_(std::move(run)) {
  for (const fs::path& left : abandoned_spares(store_root_)) {
    fs::path folder = next_folder();
    // Of several runs that find it, one gets it.
    if (std::rename(left.c_str(), folder.c_str()) == 0) free_.push_back(std::move(folder));
  }
}

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

fs::path StageSupplies::next_folder() { return store_root_ / "work" / spare_name(run_, made_++); }

fs::path StageSupplies::take_folder() {
  if (free_.empty()) return next_folder();
  fs::path folder = std::move(free_.back());
  free_.pop_back();
  return folder;
}

}  // namespace lehr::runtime
