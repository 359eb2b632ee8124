// The parts of `lehr store`, a file each; each adds its commands below `store`.
#pragma once

#include "command.h"

namespace lehr::cli {

void add_store_show(Command store, Options& options);                   // show, path
void add_store_pins(Command store, Options& options);                   // pin, unpin
void add_store_adopt(Command store, Options& options, int& exit_code);  // adopt
void add_store_bundles(Command store, Options& options);                // export, import

}  // namespace lehr::cli
