// The parts of `lehr store`, a file each; each adds its commands below `store`.
#pragma once

#include "command.h"

namespace lehr::cli {

void add_store_show(CLI::App& store, Options& options);                   // show, path
void add_store_pins(CLI::App& store, Options& options);                   // pin, unpin
void add_store_adopt(CLI::App& store, Options& options, int& exit_code);  // adopt
void add_store_bundles(CLI::App& store, Options& options);                // export, import

}  // namespace lehr::cli
