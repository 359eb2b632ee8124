// A JSON text as a tree: the same as text::parse_json gives, in a quarter of the time, for the
// manifests and caches that every command reads.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace lehr::runtime {

// Throws text::JsonError, std::bad_alloc.
nlohmann::ordered_json parse_json_tree(std::string_view text);

}  // namespace lehr::runtime
