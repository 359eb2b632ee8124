#include "runtime/plugin/plugin_registry.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "runtime/store/json_text.h"

namespace lehr::runtime {
namespace fs = std::filesystem;

std::vector<fs::path> PluginRegistry::search_path(const std::vector<fs::path>& given,
                                                  const fs::path& pipeline_folder) {
  std::vector<fs::path> out = given;
  if (const char* list = std::getenv("LEHR_PLUGIN_PATH")) {
    std::string_view rest = list;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(':'), rest.size());
      if (end > 0) out.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  out.push_back(pipeline_folder / "plugins");
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data != '\0')
    out.push_back(fs::path(data) / "lehr/plugins");
  else if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    out.push_back(fs::path(home) / ".local/share/lehr/plugins");
  std::error_code error;
  if (const fs::path program = fs::read_symlink("/proc/self/exe", error); !error)
    out.push_back(program.parent_path().parent_path() / "lib/lehr/plugins");
  return out;
}

PluginRegistry::PluginRegistry(const std::vector<fs::path>& folders) {
  for (const auto& folder : folders) {
    std::error_code error;
    std::vector<fs::path> files;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
      if (it->path().extension() == ".so") files.push_back(it->path());
    if (error && error.value() != ENOENT && error.value() != ENOTDIR)
      broken_.push_back({folder, "", folder.string() + ": cannot be listed: " + error.message()});
    std::sort(files.begin(), files.end());
    std::vector<PluginFile> usable;
    for (const auto& file : files) {
      try {
        if (!is_utf8(file.string()))  // stages are told it as JSON
          throw PluginError(file.string() + ": its path is not UTF-8. Move it to another folder");
        usable.push_back(read_plugin_file(file));
      } catch (const PluginError& e) {
        broken_.push_back({file, file.stem().string(), e.what()});
      }
    }
    for (PluginFile& plugin : usable) add(std::move(plugin));
  }
}

void PluginRegistry::add(PluginFile plugin) {
  const auto first = plugins_.find(plugin.name);
  if (first != plugins_.end()) {
    const fs::path &file = plugin.path, &used = first->second.path;
    if (used != file && used.parent_path() == file.parent_path())  // who should win is not known
      broken_.push_back({file, plugin.name,
                         file.string() + ": it is the plugin '" + plugin.name + "', as '" +
                             used.filename().string() +
                             "' beside it is, which is used. Remove one of them"});
    return;
  }
  for (BrokenPlugin& broken : broken_)
    if (broken.name == plugin.name) {
      broken.reason += ". '" + plugin.path.string() +
                       "' is not taken in its place: mend or remove the broken one";
      return;
    }
  std::string name = plugin.name;
  plugins_.emplace(std::move(name), std::move(plugin));
}

PluginRegistry::PluginRegistry(std::vector<PluginFile> plugins) {
  for (auto& plugin : plugins) {
    std::string name = plugin.name;
    plugins_.try_emplace(std::move(name), std::move(plugin));
  }
}

namespace {

// "plugin.item", or "item" of the plugin `home`.
std::optional<PluginItem> find_item(
    const std::map<std::string, PluginFile, std::less<>>& plugins, std::string_view name,
    std::string_view home,
    const nlohmann::ordered_json* (PluginFile::*find)(std::string_view) const) {
  const std::size_t dot = name.find('.');
  const std::string_view owner = dot == std::string_view::npos ? home : name.substr(0, dot);
  const std::string_view item = dot == std::string_view::npos ? name : name.substr(dot + 1);
  const auto plugin = plugins.find(owner);
  if (plugin == plugins.end()) return std::nullopt;
  const auto* found = (plugin->second.*find)(item);
  if (found == nullptr) return std::nullopt;
  return PluginItem{&plugin->second, found, std::string(owner) + "." + std::string(item)};
}

void add_names(std::vector<std::string>& out, const PluginFile& plugin, const char* kind,
               bool short_too) {
  const auto items = plugin.description.find(kind);
  if (items == plugin.description.end()) return;
  for (const auto& item : *items) {
    const auto& name = item["name"].get_ref<const std::string&>();
    out.push_back(plugin.name + "." + name);
    if (short_too) out.push_back(name);
  }
}

}  // namespace

std::string PluginRegistry::why_broken(std::string_view plugin) const {
  for (const BrokenPlugin& broken : broken_)
    if (broken.name == plugin && !plugins_.contains(plugin)) return broken.reason;
  return "";
}

std::optional<PluginItem> PluginRegistry::stage(std::string_view uses) const {
  if (uses.find('.') != std::string_view::npos)
    return find_item(plugins_, uses, {}, &PluginFile::stage);
  if (auto same_name = find_item(plugins_, uses, uses, &PluginFile::stage)) return same_name;
  const auto plugin = plugins_.find(uses);
  if (plugin == plugins_.end()) return std::nullopt;
  const auto stages = plugin->second.description.find("stages");
  if (stages == plugin->second.description.end() || stages->size() != 1) return std::nullopt;
  return PluginItem{&plugin->second, &stages->front(),
                    plugin->first + "." + stages->front()["name"].get<std::string>()};
}

std::optional<PluginItem> PluginRegistry::step(std::string_view name, std::string_view home) const {
  return find_item(plugins_, name, home, &PluginFile::step);
}

std::optional<PluginItem> PluginRegistry::reward(std::string_view name,
                                                 std::string_view home) const {
  return find_item(plugins_, name, home, &PluginFile::reward);
}

std::vector<std::string> PluginRegistry::stage_names() const {
  std::vector<std::string> out;
  for (const auto& [name, plugin] : plugins_) {
    add_names(out, plugin, "stages", false);
    if (stage(name)) out.push_back(name);
  }
  return out;
}

std::vector<std::string> PluginRegistry::step_names(std::string_view home) const {
  std::vector<std::string> out;
  for (const auto& [name, plugin] : plugins_) add_names(out, plugin, "steps", name == home);
  return out;
}

std::vector<std::string> PluginRegistry::reward_names(std::string_view home) const {
  std::vector<std::string> out;
  for (const auto& [name, plugin] : plugins_) add_names(out, plugin, "rewards", name == home);
  return out;
}

}  // namespace lehr::runtime
