// state.json of a durable state of this plugin's stages: where the reading of the documents is, and
// what else a stage keeps there.
#pragma once

#include <lehr/context.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "text/line_blocks.h"

namespace lehr::plugins::tokenizer {

// folder: of a state that is begun. Throws Error.
void write_state(const std::filesystem::path& folder, nlohmann::json state);
// read: takes the state out of its JSON; may throw. Throws Error if it is damaged or of another
// version.
void read_state(const Context::State& state,
                const std::function<void(const nlohmann::json&)>& read);

nlohmann::json to_json(const text::BlockPosition& position);
text::BlockPosition position_of(const nlohmann::json& json);

}  // namespace lehr::plugins::tokenizer
