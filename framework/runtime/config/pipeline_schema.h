// JSON Schema (draft-07) of pipeline files: completion, help on hover and checks in editors. Looser
// than the planner where a schema cannot say more: any value may also be a ${...} reference.
#pragma once

#include <nlohmann/json.hpp>

#include "runtime/plugin/plugin_registry.h"

namespace lehr::runtime {

nlohmann::ordered_json pipeline_schema(const PluginRegistry& registry);

}  // namespace lehr::runtime
