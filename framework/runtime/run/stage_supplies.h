// What the next stage finds ready: a host process that has begun, and an emptied work folder. Both
// take about as long to make as a small stage takes, so they are made beside the stages that run,
// and folders are passed on. (On an ext4 without a journal a new folder costs 0.3 ms when many were
// just removed: the kernel steps over inodes that were freed in the last five seconds.)
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "runtime/run/stage_process.h"

namespace lehr::runtime {

class StageSupplies {
 public:
  // host: the lehr-host program. Begins with the folders that killed runs have left.
  StageSupplies(std::filesystem::path host, std::filesystem::path store_root, std::string run);
  // Removes the folders: what was given out has to be back, or its host be dead.
  ~StageSupplies();
  StageSupplies(const StageSupplies&) = delete;
  StageSupplies& operator=(const StageSupplies&) = delete;

  // Starts a host if none waits; that it cannot be done is for take_host() to say.
  void keep_host_ready();
  // One that waits for its specification. Throws IoError.
  std::unique_ptr<StageProcess> take_host();

  // For StageSpec::spare_work; to be given back once the host has ended.
  std::filesystem::path take_folder();
  void give_back(std::filesystem::path folder) { free_.push_back(std::move(folder)); }

 private:
  std::filesystem::path next_folder();

  const std::filesystem::path host_, store_root_;
  const std::string run_;
  std::unique_ptr<StageProcess> waiting_;  // null: none does
  std::size_t made_ = 0;
  std::vector<std::filesystem::path> free_;
};

}  // namespace lehr::runtime
