// The right to work on one stage: an exclusive flock on work/<key>/lease. A killed process holds
// nothing.
#pragma once

#include <filesystem>
#include <optional>

#include "runtime/store/durable_file.h"

namespace lehr::runtime {

class Lease {
 public:
  // nullopt: another process holds it. Creates the folder and the file if missing; `spare` is a
  // folder to make it of, and may be gone.
  static std::optional<Lease> try_take(const std::filesystem::path& work_folder,
                                       const std::filesystem::path& spare = {});
  // True if some living process holds it; takes nothing.
  static bool held(const std::filesystem::path& work_folder);

 private:
  explicit Lease(FileDescriptor file) : file_(std::move(file)) {}
  FileDescriptor file_;
};

}  // namespace lehr::runtime
