// What was found, as lines for people or as JSON for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "checks.h"

namespace lehr::selftest {

std::string heading();  // above the lines
// "ok        packed        fp32     3.2e-07  1e-05     41ms  documents packed into ...": what
// failed has a line more that says where.
std::string line(const Finding& finding, bool color);
std::string summary(std::size_t checked, std::size_t failed, double seconds);

nlohmann::ordered_json json_of(const Finding& finding);

}  // namespace lehr::selftest
