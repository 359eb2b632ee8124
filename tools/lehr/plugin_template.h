// `lehr plugins new`: a folder to start from, made from the template plugin (plugins/template in
// the source, share/lehr/template where Lehr is installed), in which every whole word `template` is
// the plugin's name.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lehr::cli {

// Why `name` cannot be a plugin's, or empty.
std::string plugin_name_problem(const std::string& name);

// Copies the template to `folder`, which must not exist and appears whole or not at all. Gives the
// files made, relative to it. Throws std::runtime_error.
std::vector<std::string> make_plugin_folder(const std::filesystem::path& from,
                                            const std::filesystem::path& folder,
                                            const std::string& name);

}  // namespace lehr::cli
