// JSON from files that may be damaged or hostile. nlohmann's parse() alone takes any depth
// (copying, comparing or writing the value then recurses until the stack is gone), gives the last
// of two equal keys, and makes as many values as there is memory for.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <stdexcept>
#include <string_view>

namespace lehr::text {

struct JsonLimits {
  std::size_t depth = 64;
  // A value takes up to about 100 bytes besides its text: 64 MiB at most.
  std::size_t values = 600'000;
};

// "it is not JSON", "'x' is given twice", ...; names no file.
struct JsonError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Json: nlohmann::json or ordered_json. Throws JsonError.
template <class Json>
Json parse_json(std::string_view text, const JsonLimits& limits = {});

}  // namespace lehr::text
