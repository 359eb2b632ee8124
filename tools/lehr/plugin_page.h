// The reference page of a plugin or one of its stages, steps or rewards: `lehr plugins show`.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "runtime/plugin/plugin_file.h"

namespace lehr::cli {

// `item`: the name of one stage, step or reward without the plugin's; empty: everything. Empty
// text: there is none. Columns are aligned; `color`: ANSI colours.
std::string plugin_page(const runtime::PluginFile& plugin, const std::string& item, bool color);

// The same as data: the description with "file", "code" (digest) and "libraries" beside it, or the
// description of the one item; null: there is none.
nlohmann::ordered_json plugin_json(const runtime::PluginFile& plugin, const std::string& item);

}  // namespace lehr::cli
