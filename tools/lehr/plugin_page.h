// The reference page of a plugin or one of its stages, steps or rewards, as text: `lehr plugins
// show`.
#pragma once

#include <string>

#include "runtime/plugin/plugin_file.h"

namespace lehr::cli {

// `item`: the name of one stage, step or reward without the plugin's; empty: everything. Empty
// text: there is none.
std::string plugin_page(const runtime::PluginFile& plugin, const std::string& item);

}  // namespace lehr::cli
