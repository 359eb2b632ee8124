// --allow: the only plugins that may be loaded, by the digest of their code (plugin_file.h).
// A list is a lock file (lock_file.h), which allows what its results were made with, or text: a
// digest first on each line, then whatever helps its readers; '#' begins a comment. It speaks of
// plugins only: for the libraries they need, see `lehr run --locked`.
#pragma once

#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>

#include "runtime/config/diagnostics.h"
#include "runtime/plan/plan.h"

namespace lehr::runtime {

// The list cannot be read or is malformed: "allow.txt:3: ...".
struct AllowListError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct AllowList {
  std::filesystem::path file;
  std::set<std::string> digests;  // 64 hex digits each
  bool is_lock = false;           // it is a lock file

  static AllowList read(const std::filesystem::path& file);
};

// A mistake, with path, digest and what to do, for each plugin of the plan that is not on the list,
// at the first stage that uses it; stages that are not wanted load none. False: there are such.
// Reads plugin files and runs nothing. The stage host loads no other code than was planned, so what
// passes here is what runs.
bool admit_plugins(const Plan& plan, const AllowList& allowed, Diagnostics& diagnostics);

}  // namespace lehr::runtime
