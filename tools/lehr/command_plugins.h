// The subcommands of `lehr plugins` that stand in a file of their own (command_plugins_make.cpp).
#pragma once

#include "command.h"

namespace lehr::cli {

void add_plugins_new(Command plugins, Options& options, int& exit_code);
void add_plugins_stamp(Command plugins, int& exit_code);
void add_plugins_test(Command plugins, Options& options, int& exit_code);

}  // namespace lehr::cli
