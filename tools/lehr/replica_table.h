// Replicas of a run as text and JSON: a table of means and deviations, and which differences exceed
// the noise.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/report/replicas.h"

namespace lehr::cli {

// Empty if there are no replicas. `axis`: what their values are called.
std::string replica_text(const std::vector<runtime::ReplicatedResult>& results,
                         const std::string& axis, std::size_t width);
nlohmann::ordered_json replica_json(const std::vector<runtime::ReplicatedResult>& results);

}  // namespace lehr::cli
