#include "runtime/plugin/plugin_file.h"

#include <glob.h>
#include <lehr/abi.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "runtime/plugin/elf_file.h"
#include "runtime/store/json_tree.h"
#include "runtime/store/sha256.h"
#include "text/strict_json.h"

namespace lehr::runtime {
namespace {

constexpr std::size_t kMaxManifestBytes = 16u << 20;
constexpr std::uint64_t kLongestBuildId = 64;  // what is longer counts as code

std::string hex(std::span<const unsigned char> bytes) {
  static const char* digits = "0123456789abcdef";
  std::string out;
  for (const unsigned char b : bytes) out += digits[b >> 4], out += digits[b & 15];
  return out;
}

std::string_view as_text(std::span<const unsigned char> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& reason) {
  throw PluginError(path.string() + ": " + reason);
}

void check_headers(const ElfFile& elf) {
  if (!elf.headers_are_loaded())
    throw ElfError("its headers are not part of what is loaded, so no digest would stand for it");
}

bool valid_name(const nlohmann::ordered_json& name) {
  if (!name.is_string()) return false;
  const auto& text = name.get_ref<const std::string&>();
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::islower(c) || std::isdigit(c) || c == '_' || c == '-';
         });
}

using Json = nlohmann::ordered_json;

// What is wrong with the types of a port's, parameter's or item's members, or an empty text: who
// reads a description later relies on them.
std::string check_members(const Json& entry) {
  static const std::map<std::string, bool (Json::*)() const noexcept, std::less<>> types = {
      {"name", &Json::is_string},          {"type", &Json::is_string},
      {"help", &Json::is_string},          {"unit", &Json::is_string},
      {"summary", &Json::is_string},       {"self", &Json::is_string},
      {"required", &Json::is_boolean},     {"affects_output", &Json::is_boolean},
      {"list", &Json::is_boolean},         {"optional", &Json::is_boolean},
      {"seed", &Json::is_boolean},         {"determinism", &Json::is_string},
      {"min", &Json::is_number},           {"max", &Json::is_number},
      {"choices", &Json::is_array},        {"fields", &Json::is_array},
      {"item", &Json::is_object},          {"facets", &Json::is_object},
      {"names_each_of", &Json::is_string}, {"devices", &Json::is_array},
      {"otherwise", &Json::is_string},     {"nullable", &Json::is_boolean}};
  if (!entry.is_object()) return "an entry is not an object";
  for (const auto& [name, value] : entry.items()) {
    const auto known = types.find(name);
    if (known != types.end() && !(value.*known->second)())
      return "'" + name + "' is of the wrong type";
  }
  for (const char* texts : {"choices", "devices"})
    if (entry.contains(texts))
      for (const Json& text : entry.at(texts))
        if (!text.is_string()) return "an entry of '" + std::string(texts) + "' is not text";
  if (entry.contains("item")) return check_members(entry.at("item"));
  if (entry.contains("fields"))
    for (const Json& field : entry.at("fields")) {
      if (const std::string wrong = check_members(field); !wrong.empty()) return wrong;
      if (!field.contains("name") || !field.contains("type")) return "a field has no name or type";
    }
  return {};
}

// What is wrong with the items of one kind, or an empty text.
std::string check_items(const Json& description, std::string_view kind) {
  const auto items = description.find(kind);
  if (items == description.end()) return {};
  if (!items->is_array()) return "'" + std::string(kind) + "' is not a list";
  std::set<std::string> seen;
  for (const auto& item : *items) {
    if (!item.is_object() || !valid_name(item.value("name", nlohmann::ordered_json())))
      return "an entry of '" + std::string(kind) + "' has no valid name";
    const std::string name = item["name"];
    if (!seen.insert(name).second)
      return "'" + std::string(kind) + "' has two entries named '" + name + "'";
    if (const std::string wrong = check_members(item); !wrong.empty())
      return "'" + name + "': " + wrong;
    for (const char* list : {"parameters", "inputs", "outputs"}) {
      const bool needed = std::string_view(list) == "parameters" || kind == "stages";
      if (!item.contains(list) && !needed) continue;
      if (!item.contains(list) || !item[list].is_array())
        return "'" + name + "': '" + list + "' is not a list";
      for (const auto& p : item[list]) {
        if (const std::string wrong = check_members(p); !wrong.empty())
          return "'" + name + "': " + list + ": " + wrong;
        if (!p.contains("name") || !p.contains("type"))
          return "'" + name + "': an entry of '" + list + "' has no name or type";
      }
    }
  }
  return {};
}

}  // namespace

const nlohmann::ordered_json* PluginFile::find(const char* kind, std::string_view name) const {
  const auto items = description.find(kind);
  if (items != description.end())
    for (const auto& item : *items)
      if (item["name"].get_ref<const std::string&>() == name) return &item;
  return nullptr;
}

PluginFile read_plugin_file(const std::filesystem::path& path) try {
  const MappedFile file(path);
  const ElfFile elf(file.bytes());
  check_headers(elf);
  const auto manifest = elf.section(LEHR_MANIFEST_SECTION);
  if (!manifest)
    fail(path, "not stamped: it has no " LEHR_MANIFEST_SECTION
               " section. Run 'lehr plugins stamp " +
                   path.string() + "' if it is a plugin.");
  if (manifest->size() > kMaxManifestBytes) fail(path, "the manifest is larger than 16 MiB");
  PluginFile plugin;
  plugin.path = path;
  try {
    plugin.description = parse_json_tree(as_text(*manifest));
  } catch (const text::JsonError& e) {
    fail(path, std::string("malformed manifest: ") + e.what());
  }
  const auto& d = plugin.description;
  if (!d.is_object()) fail(path, "the manifest is not a JSON object");
  if (d.value("manifest", nlohmann::ordered_json()) != 1)
    fail(path, "the manifest has format " + d.value("manifest", nlohmann::ordered_json()).dump() +
                   "; this lehr reads format 1");
  if (!valid_name(d.value("name", nlohmann::ordered_json())))
    fail(path, "the manifest names no plugin (lower-case letters, digits, '_' and '-')");
  if (!d.contains("version") || !d["version"].is_string())
    fail(path, "the manifest has no version");
  for (const char* kind : {"stages", "steps", "rewards"})
    if (const auto wrong = check_items(d, kind); !wrong.empty())
      fail(path, "malformed manifest: " + wrong);
  plugin.name = d["name"];
  plugin.version = d["version"];
  plugin.needed = elf.dynamic_strings(DT_NEEDED);
  plugin.run_paths = elf.dynamic_strings(DT_RUNPATH);
  if (plugin.run_paths.empty()) plugin.run_paths = elf.dynamic_strings(DT_RPATH);
  return plugin;
} catch (const ElfError& e) {
  fail(path, e.what());
}

std::string embedded_manifest(const std::filesystem::path& path) try {
  const MappedFile file(path);
  const auto manifest = ElfFile(file.bytes()).section(LEHR_MANIFEST_SECTION);
  return manifest ? std::string(as_text(*manifest)) : std::string();
} catch (const ElfError&) {
  return "";
}

std::string code_digest(const std::filesystem::path& plugin) try {
  const MappedFile file(plugin);
  const ElfFile elf(file.bytes());
  check_headers(elf);
  const auto build_id = elf.build_id();
  // [begin, end) ranges of the file that say nothing about the code.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> skipped = {
      {offsetof(Elf64_Ehdr, e_shoff), offsetof(Elf64_Ehdr, e_shoff) + sizeof(Elf64_Off)},
      {offsetof(Elf64_Ehdr, e_shentsize), sizeof(Elf64_Ehdr)}};
  if (build_id && build_id->size <= kLongestBuildId)
    skipped.emplace_back(build_id->offset, build_id->offset + build_id->size);
  Sha256 sha;
  for (const auto& segment : elf.segments()) {
    if (segment.p_type != PT_LOAD) continue;
    const std::uint64_t shape[] = {segment.p_flags, segment.p_vaddr, segment.p_filesz,
                                   segment.p_memsz};
    sha.update({reinterpret_cast<const char*>(shape), sizeof shape});
    const auto bytes = elf.range(segment.p_offset, segment.p_filesz);
    std::uint64_t at = segment.p_offset;
    const std::uint64_t end = at + segment.p_filesz;
    for (const auto& [from, to] : skipped) {
      if (to <= at || from >= end) continue;
      const std::uint64_t begin = std::max(from, at), stop = std::min(to, end);
      sha.update(as_text(bytes.subspan(at - segment.p_offset, begin - at)));
      sha.update(std::string(stop - begin, '\0'));
      at = stop;
    }
    sha.update(as_text(bytes.subspan(at - segment.p_offset, end - at)));
  }
  return sha.hex();
} catch (const ElfError& e) {
  fail(plugin, e.what());
}

std::vector<std::string> exported_symbols(const PluginFile& plugin) try {
  const MappedFile file(plugin.path);
  return ElfFile(file.bytes()).exported_symbols();
} catch (const ElfError& e) {
  fail(plugin.path, e.what());
}

std::vector<std::filesystem::path> loader_folders(const std::filesystem::path& configuration,
                                                  int depth) {
  constexpr int kDeepest = 4;  // files that include one another
  std::vector<std::filesystem::path> out;
  std::ifstream file(configuration);
  for (std::string line; depth < kDeepest && std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string word, pattern;
    words >> word;
    if (word == "include" && words >> pattern) {
      glob_t found{};
      if (::glob((configuration.parent_path() / pattern).c_str(), 0, nullptr, &found) == 0)
        for (std::size_t i = 0; i < found.gl_pathc; ++i)
          for (auto& folder : loader_folders(found.gl_pathv[i], depth + 1))
            out.push_back(std::move(folder));
      ::globfree(&found);
    } else if (word.starts_with('/')) {
      out.emplace_back(word);
    }
  }
  return out;
}

std::vector<std::string> library_identities(const PluginFile& plugin) {
  static const std::set<std::string, std::less<>> runtime = {
      "libc.so.6",   "libm.so.6",       "libstdc++.so.6",       "libgcc_s.so.1",
      "libdl.so.2",  "libpthread.so.0", "librt.so.1",           "ld-linux-x86-64.so.2",
      "libc++.so.1", "libc++abi.so.1",  "ld-linux-aarch64.so.1"};
  const auto is_sanitizer = [](std::string_view name) {
    return name.starts_with("libasan.so") || name.starts_with("liblsan.so") ||
           name.starts_with("libtsan.so") || name.starts_with("libubsan.so");
  };
  std::vector<std::filesystem::path> folders;
  const auto add_paths = [&](const std::string& list, bool expand) {
    for (std::size_t at = 0; at <= list.size();) {
      const std::size_t end = std::min(list.find(':', at), list.size());
      std::string folder = list.substr(at, end - at);
      for (const std::string_view name : {"${ORIGIN}", "$ORIGIN"})
        if (const std::size_t origin = folder.find(name); expand && origin != std::string::npos)
          folder.replace(origin, name.size(),
                         std::filesystem::absolute(plugin.path).parent_path().string());
      if (!folder.empty()) folders.emplace_back(folder);
      at = end + 1;
    }
  };
  if (const char* path = std::getenv("LD_LIBRARY_PATH")) add_paths(path, false);
  for (const auto& list : plugin.run_paths) add_paths(list, true);
  static const std::vector<std::filesystem::path> configured = loader_folders("/etc/ld.so.conf");
  folders.insert(folders.end(), configured.begin(), configured.end());
  for (const char* folder :
       {"/usr/local/lib", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
        "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/lib", "/usr/lib"})
    folders.emplace_back(folder);

  std::vector<std::string> out;
  for (const auto& name : plugin.needed) {
    if (runtime.contains(name) || is_sanitizer(name)) continue;
    std::string identity = "not found";
    for (const auto& folder : folders) {
      std::error_code ignored;
      if (!std::filesystem::is_regular_file(folder / name, ignored)) continue;
      try {
        const MappedFile file(folder / name);
        const ElfFile elf(file.bytes());
        if (const auto id = elf.build_id()) {
          identity = "build-id " + hex(elf.range(id->offset, id->size));
        } else {
          identity = "sha256 " + sha256_hex(as_text(file.bytes()));
        }
        break;
      } catch (const ElfError&) {
        continue;  // the loader, too, passes over a file of another processor
      }
    }
    out.push_back(name + ": " + identity);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace lehr::runtime
