// What may stand next on a command line of `lehr`, found from the program's own description of its
// commands, so that it cannot drift from them. Shells ask through `lehr __complete`; the scripts
// that make them do so are printed by `lehr completion`.
#pragma once

#include <string>
#include <vector>

#include "command_line.h"

namespace lehr::cli {

struct Candidate {
  std::string text, description;
};

// Words from the program's name on; `at`: the one being typed, perhaps not yet there. Opens what it
// needs (a pipeline, the store, plugins' manifests) and runs nothing; what cannot be read gives no
// candidates.
std::vector<Candidate> complete(const CLI::App& app, const std::vector<std::string>& words,
                                std::size_t at);

// The script for "bash", "zsh" or "fish".
std::string completion_script(const std::string& shell);

// lehr(1) in man's macros, from the help texts.
std::string man_page(const CLI::App& app, const std::string& version);

}  // namespace lehr::cli
