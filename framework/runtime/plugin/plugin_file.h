// A plugin file as the runtime knows it without running any of its code: the manifest embedded in
// the ELF file, the code digest, the libraries it needs.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace lehr::runtime {

struct PluginFile {
  std::filesystem::path path;
  std::string name, version;
  nlohmann::ordered_json description;  // see framework/sdk/description.md
  std::vector<std::string> needed;     // DT_NEEDED sonames
  std::vector<std::string> run_paths;  // DT_RUNPATH, as written

  // Description of one stage, step or reward; null if there is none of that name.
  const nlohmann::ordered_json* stage(std::string_view name) const { return find("stages", name); }
  const nlohmann::ordered_json* step(std::string_view name) const { return find("steps", name); }
  const nlohmann::ordered_json* reward(std::string_view name) const {
    return find("rewards", name);
  }

 private:
  const nlohmann::ordered_json* find(const char* kind, std::string_view name) const;
};

// Why a file is not a usable plugin: "acme.so: ...". Thrown by read_plugin_file.
struct PluginError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Reads and checks the manifest of a plugin file. Every number in the file is treated as hostile.
// Throws PluginError: not an ELF shared library for this machine, truncated, no manifest, malformed
// manifest.
PluginFile read_plugin_file(const std::filesystem::path& path);

// The manifest's text as it stands in the file; empty if the file has none or is no plugin.
std::string embedded_manifest(const std::filesystem::path& path);

// SHA-256 (hex) over the loadable segments, without the build id and the ELF header's section
// fields: stripping the file or rebuilding the same source elsewhere does not change it. What the
// loader goes by is in it, so that no other code can be given the same digest. Reads the whole file
// (about 1 ms per MB). Throws PluginError.
std::string code_digest(const std::filesystem::path& plugin);

// Identity of each library the plugin needs beyond the C and C++ runtime and a sanitizer's:
// "libtorch_cpu.so: <build-id or SHA-256>", sorted; libraries are looked for along run paths and
// then by the system's rules. Reads files only.
std::vector<std::string> library_identities(const PluginFile& plugin);

// The folders that the loader's configuration (/etc/ld.so.conf) and what it includes name.
std::vector<std::filesystem::path> loader_folders(const std::filesystem::path& configuration,
                                                  int depth = 0);

// Symbols of the file that other libraries can see; a plugin needs no more than lehr_plugin_entry.
std::vector<std::string> exported_symbols(const PluginFile& plugin);

// Writes `description` into the file's manifest section (added, or replaced). The file is replaced
// atomically.
void stamp_plugin_file(const std::filesystem::path& path, std::string_view description);

}  // namespace lehr::runtime
