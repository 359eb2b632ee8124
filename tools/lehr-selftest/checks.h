// The checks that `lehr selftest` runs, one after another.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "check_names.h"
#include "lm/runtime.h"
#include "measure.h"

namespace lehr::selftest {

struct Request {
  std::vector<std::string> only;  // names of checks; empty: all
  std::string device = "cpu";
  std::vector<std::string> plugin_paths;
};

struct Finding {
  CheckName check;
  lm::Precision precision = lm::Precision::kFp32;
  double tolerance = 0;
  std::optional<Measure> measured;  // nothing: it could not be measured, see `failure`
  std::string failure;
  double seconds = 0;

  bool good() const { return measured && measured->difference <= tolerance; }
};

// On the device that was chosen; in fp32, and in bf16 too where the device computes in it and a
// check depends on it. `begin` is told what comes next; false from it ends the rest. `found` is
// given each finding as it comes.
void run_checks(const Request& request, const std::function<bool(const CheckName&)>& begin,
                const std::function<void(const Finding&)>& found);

}  // namespace lehr::selftest
