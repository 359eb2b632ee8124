// lehr plugins: list and show, which read manifests and run no plugin code.
#include <unistd.h>

#include <iostream>

#include "command.h"
#include "command_plugins.h"
#include "plugin_page.h"
#include "runtime/config/suggestion.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::vector<std::string> names(const Json& description, const char* kind) {
  std::vector<std::string> out;
  if (const auto found = description.find(kind); found != description.end())
    for (const Json& item : *found) out.push_back(item.value("name", ""));
  return out;
}

int list_plugins(const Options& options) {
  const auto registry = load_plugins(options, fs::current_path());
  Json json = Json::array();
  for (const auto& [name, plugin] : registry->plugins()) {
    if (options.json) {
      Json item = plugin.description;
      item["path"] = plugin.path.string();
      json.push_back(std::move(item));
      continue;
    }
    const std::string summary = plugin.description.value("summary", "");
    std::cout << name << " " << plugin.version << (summary.empty() ? "" : ": ") << summary << "\n";
    for (const char* kind : {"stages", "steps", "rewards"}) {
      std::string items;
      for (const std::string& item : names(plugin.description, kind))
        items += (items.empty() ? "" : ", ") + item;
      if (!items.empty()) std::cout << "  " << kind << ": " << items << "\n";
    }
  }
  for (const auto& broken : registry->broken()) {
    if (options.json)
      json.push_back({{"path", broken.path.string()}, {"error", broken.reason}});
    else
      std::cout << "not usable: " << broken.reason << "\n";
  }
  if (options.json) std::cout << json_text(json);
  if (!options.json && registry->plugins().empty() && registry->broken().empty()) {
    std::cout << "no plugins. Looked in:\n";
    for (const auto& folder : runtime::PluginRegistry::search_path({}, fs::current_path()))
      std::cout << "  " << folder.string() << "\n";
  }
  return registry->broken().empty() ? kOk : kPluginCannotLoad;
}

int show_file(const Options& options, const runtime::PluginFile& plugin, const std::string& item) {
  const std::string page = plugin_page(plugin, item, use_color(STDOUT_FILENO));
  if (page.empty()) {
    std::vector<std::string> known;
    for (const char* kind : {"stages", "steps", "rewards"})
      for (const std::string& part : names(plugin.description, kind)) known.push_back(part);
    throw CommandError(kUsage, "plugin '" + plugin.name + "' has no '" + item + "'." +
                                   runtime::suggestion(item, known, 20));
  }
  std::cout << (options.json ? json_text(plugin_json(plugin, item)) : page);
  return kOk;
}

int show_plugin(const Options& options, const std::string& name) {
  if (name.ends_with(".so") || name.find('/') != std::string::npos) {
    try {
      return show_file(options, runtime::read_plugin_file(fs::absolute(name)), "");
    } catch (const runtime::PluginError& e) {
      throw CommandError(kPluginCannotLoad, e.what());
    }
  }
  const auto registry = load_plugins(options, fs::current_path());
  const std::string plugin = name.substr(0, name.find('.'));
  const auto found = registry->plugins().find(plugin);
  if (found != registry->plugins().end())
    return show_file(options, found->second, plugin == name ? "" : name.substr(plugin.size() + 1));
  for (const auto& broken : registry->broken())
    if (broken.name == plugin) throw CommandError(kPluginCannotLoad, broken.reason);
  std::vector<std::string> known, parts;  // parts: "filter.gopher_quality"
  for (const auto& [other, file] : registry->plugins()) {
    known.push_back(other);
    for (const char* kind : {"stages", "steps", "rewards"})
      for (const std::string& part : names(file.description, kind))
        parts.push_back(other + "." + part);
  }
  const std::string part = runtime::nearest_name(name, parts);
  const bool is_part = part.ends_with("." + name);
  throw CommandError(
      kUsage,
      "there is no plugin '" + plugin + "'." +
          (is_part ? " Did you mean '" + part + "'?" : runtime::suggestion(plugin, known, 20)) +
          (known.empty() ? " None is found: `lehr plugins list` says where was looked" : ""));
}

}  // namespace

void add_plugins(Command app, Options& options, int& exit_code) {
  Command command = app.add(
      "plugins", "List plugins, show what they take and make; make, test and stamp a new one");
  command.needs_subcommand();
  command.footer(example("lehr plugins show tokenizer.train"));

  Command list = command.add(
      "list", "All plugins that are found, and files that cannot be used, with the reason");
  add_plugin_path_option(list, options);
  add_json_option(list, options, "Full descriptions as JSON");
  list.footer(example("lehr plugins list --plugin-path build/plugins"));
  list.run([&] { exit_code = list_plugins(options); });

  auto name = std::make_shared<std::string>();
  Command show =
      command.add("show", "Parameters, types, ranges, defaults, ports and facets of a plugin");
  show.option("NAME", *name,
              "A plugin (filter), one of its parts (tokenizer.train), or a file (acme.so)")
      .required();
  add_plugin_path_option(show, options);
  add_json_option(show, options, "The description as JSON");
  show.footer(example("lehr plugins show filter"));
  show.run([&, name] { exit_code = show_plugin(options, *name); });

  add_plugins_new(command, options, exit_code);
  add_plugins_test(command, options, exit_code);
  add_plugins_stamp(command, exit_code);
}

}  // namespace lehr::cli
