// A number of things as a log says it: "1 pair", "2 pairs". Plurals are with s.
#pragma once

#include <cstdint>
#include <string>

namespace lehr::lm {

inline std::string counted(std::int64_t number, const char* thing) {
  return std::to_string(number) + " " + thing + (number == 1 ? "" : "s");
}

}  // namespace lehr::lm
