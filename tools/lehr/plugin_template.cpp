#include "plugin_template.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>
#include <stdexcept>

#include "runtime/store/durable_file.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWord = "template";

bool part_of_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Every whole word `template` becomes `name`.
std::string renamed(const std::string& text, const std::string& name) {
  std::string out;
  const std::string word = kWord;
  std::size_t at = 0;
  for (std::size_t found; (found = text.find(word, at)) != std::string::npos;) {
    const std::size_t end = found + word.size();
    const bool whole = (found == 0 || !part_of_word(text[found - 1])) &&
                       (end == text.size() || !part_of_word(text[end]));
    out += text.substr(at, found - at) + (whole ? name : word);
    at = end;
  }
  return out + text.substr(at);
}

}  // namespace

std::string plugin_name_problem(const std::string& name) {
  static const std::set<std::string> taken = {"lehr", "plugin", "test"};  // CMake or we use them
  const bool valid =
      !name.empty() && name.size() <= 64 && std::islower(static_cast<unsigned char>(name[0])) &&
      std::all_of(name.begin(), name.end(),
                  [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '_'; });
  if (!valid)
    return "'" + name +
           "' is not a plugin's name: lower-case letters, digits and '_', beginning "
           "with a letter, at most 64";
  return taken.contains(name) || name == kWord ? "'" + name + "' is in use; choose another name"
                                               : "";
}

std::vector<std::string> make_plugin_folder(const fs::path& from, const fs::path& folder,
                                            const std::string& name) {
  if (!fs::is_directory(from))
    throw std::runtime_error("the template is missing: '" + from.string() +
                             "'. It is installed with Lehr (component sdk)");
  if (fs::exists(fs::symlink_status(folder)))
    throw std::runtime_error("'" + folder.string() + "' is there already; nothing was changed");
  const fs::path parent = folder.parent_path().empty() ? "." : folder.parent_path();
  if (!fs::is_directory(parent))
    throw std::runtime_error("there is no folder '" + parent.string() + "'");
  const fs::path fresh = parent / ("." + name + ".new-" + std::to_string(::getpid()));
  std::vector<std::string> files;
  try {
    for (const auto& entry : fs::recursive_directory_iterator(from)) {
      if (!entry.is_regular_file()) continue;
      const std::string relative = entry.path().lexically_relative(from).generic_string();
      const fs::path to = fresh / renamed(relative, name);
      fs::create_directories(to.parent_path());
      std::ofstream out(to, std::ios::binary);
      out << renamed(runtime::read_file(entry.path()), name);
      if (!out.flush()) throw std::runtime_error("'" + to.string() + "' cannot be written");
      files.push_back(renamed(relative, name));
    }
    fs::rename(fresh, folder);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(fresh, ignored);
    throw;
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace lehr::cli
