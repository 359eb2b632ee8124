// lehr inspect: a command that ends in lehr-inspect, which links LibTorch.
#pragma once

#include "command.h"

namespace lehr::cli {

void add_inspect(Command app, Options& options);

}  // namespace lehr::cli
