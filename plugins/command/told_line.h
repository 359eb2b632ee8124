// A line on stdout by which a program tells Lehr something:
//
//   {"lehr": "metric", "name": "loss", "value": 2.31, "step": 100}
//   {"lehr": "result", "name": "eval/accuracy", "value": 0.91}
//   {"lehr": "progress", "done": 3, "total": 10, "unit": "files", "note": "loss 2.31"}
// A value may also be NaN, Infinity or -Infinity, bare or in quotes.
#pragma once

#include <lehr/context.h>

#include <string_view>

namespace lehr::plugins::command {

// True: the line was such a message and has been passed on. Throws Error if it means to be one and
// is not.
bool pass_on(std::string_view line, const Context& context);

}  // namespace lehr::plugins::command
