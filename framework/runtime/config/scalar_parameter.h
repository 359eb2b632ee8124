// One plain value of the pipeline file, typed by the parameter it is for: what the type takes, its
// range, its choices. The rest of a parameter tree (maps, lists, defaults, places) is
// parameter_binder's.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "runtime/config/literal.h"
#include "runtime/config/node.h"

namespace lehr::runtime {

// "a count such as 4096, 64k, 6M or 1.5B": what a described parameter of any type takes.
std::string expected_text(const nlohmann::ordered_json& parameter);

// The canonical value of `node`, a scalar; or why there is none, to be put behind the parameter's
// name: " must be at least 1, got 0", ": '010' has a leading zero". A path stays as it was written.
Read<nlohmann::ordered_json> read_scalar(const Node& node, const nlohmann::ordered_json& parameter);

}  // namespace lehr::runtime
