// Programs beside `lehr` that do the work of one command each, because of the libraries they load.
#pragma once

#include <string>
#include <vector>

namespace lehr::cli {

// Becomes the program `name`, which stands beside lehr. Throws CommandError if it cannot.
[[noreturn]] void become(const std::string& name, std::vector<std::string> arguments);

}  // namespace lehr::cli
