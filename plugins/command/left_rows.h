// What a program left as an output, read once as the stages that take it will: so that a bad row is
// the fault of the stage that wrote it. Only types whose files are rows are looked into.
#pragma once

#include <lehr/plugin.h>

namespace lehr::plugins::command {

// Throws Error that names the output, the file and the line; Cancelled if the stage is to stop.
void check_rows(const Output& output, const Context& context);

}  // namespace lehr::plugins::command
