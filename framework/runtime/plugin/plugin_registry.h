// Finds plugins: every *.so in the search path, first name wins. A file that is there but cannot be
// used is kept with its reason; nothing is skipped silently, and no plugin of the same name further
// on is taken in its place.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/plugin/plugin_file.h"

namespace lehr::runtime {

struct BrokenPlugin {
  std::filesystem::path path;
  std::string name;  // of the plugin that it would be; empty: a folder that cannot be listed
  std::string reason;
};

// A stage, step or reward and the plugin it comes from. Both pointers belong to the registry.
struct PluginItem {
  const PluginFile* plugin;
  const nlohmann::ordered_json* item;
  std::string full_name;  // "tokenizer.train"
};

class PluginRegistry {
 public:
  // The search path in order: `given` (--plugin-path), LEHR_PLUGIN_PATH (colon-separated), plugins/
  // beside the pipeline file, the user's data directory (lehr/plugins), the installation
  // (../lib/lehr/plugins from the program).
  static std::vector<std::filesystem::path> search_path(
      const std::vector<std::filesystem::path>& given,
      const std::filesystem::path& pipeline_folder);
  explicit PluginRegistry(const std::vector<std::filesystem::path>& folders);
  // From descriptions alone, for tests of what stands above.
  explicit PluginRegistry(std::vector<PluginFile> plugins);

  // "filter" or "tokenizer.train". nullopt: no such plugin or stage.
  std::optional<PluginItem> stage(std::string_view uses) const;
  // "gopher_quality" (of the plugin `home`) or "acme.no_shouting".
  std::optional<PluginItem> step(std::string_view name, std::string_view home) const;
  std::optional<PluginItem> reward(std::string_view name, std::string_view home) const;

  const std::map<std::string, PluginFile, std::less<>>& plugins() const { return plugins_; }
  const std::vector<BrokenPlugin>& broken() const { return broken_; }
  // Why the plugin of this name cannot be used. Empty: that is not known, it may be no plugin.
  std::string why_broken(std::string_view plugin) const;
  // Every usable name, for suggestions.
  std::vector<std::string> stage_names() const;
  std::vector<std::string> step_names(std::string_view home) const;
  std::vector<std::string> reward_names(std::string_view home) const;

 private:
  void add(PluginFile plugin);

  std::map<std::string, PluginFile, std::less<>> plugins_;
  std::vector<BrokenPlugin> broken_;
};

}  // namespace lehr::runtime
