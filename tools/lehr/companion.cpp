#include "companion.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "command.h"

namespace lehr::cli {

void become(const std::string& name, std::vector<std::string> arguments) {
  const std::filesystem::path program =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
  arguments.insert(arguments.begin(), program.string());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::cout.flush();
  ::execv(program.c_str(), argv.data());
  const int error = errno;
  if (error == E2BIG)
    throw CommandError(kUsage,
                       "the arguments are too long; a text can be given as '-', by the "
                       "standard input");
  throw CommandError(kUsage, "'" + program.string() + "' cannot be started: " +
                                 std::strerror(error) + ". It is installed beside lehr");
}

}  // namespace lehr::cli
