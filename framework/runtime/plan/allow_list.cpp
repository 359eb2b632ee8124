#include "runtime/plan/allow_list.h"

#include <algorithm>
#include <string_view>

#include "runtime/plan/lock_file.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kLargestList = 64u << 20;
constexpr std::string_view kBlank = " \t\r";

bool is_lock_file(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && text[first] == '{';
}

std::set<std::string> digests_of_lines(const std::string& text, const fs::path& file) {
  std::set<std::string> out;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line(text.data() + at, end - at);
    at = end + 1;
    ++number;
    line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::string digest(line.substr(0, line.find_first_of(kBlank)));
    if (!is_digest(digest))
      throw AllowListError(file.string() + ":" + std::to_string(number) + ": " +
                           quoted(digest.substr(0, 80)) +
                           " is no digest. A line begins with the 64 hex digits that `lehr plugins "
                           "show NAME` calls code");
    out.insert(digest);
  }
  return out;
}

}  // namespace

AllowList AllowList::read(const fs::path& file) try {
  const std::string text = read_file(file, kLargestList);
  if (is_lock_file(text)) return {file, locked_code(file), true};
  return {file, digests_of_lines(text, file), false};
} catch (const IoError& e) {
  throw AllowListError(e.what());
} catch (const StoreError& e) {
  throw AllowListError(e.what());
}

bool admit_plugins(const Plan& plan, const AllowList& allowed, Diagnostics& diagnostics) {
  std::set<const PluginFile*> seen;
  bool all = true;
  const auto remedy = [&](const PluginFile& plugin, const std::string& digest) {
    return allowed.is_lock ? "run without --allow, then `lehr lock` adds its digest, " + digest
                           : "allow it with the line \"" + digest + " " + plugin.name + " " +
                                 plugin.version + "\"";
  };
  const auto admit = [&](const PlannedStage& stage, const PluginFile* plugin) {
    if (plugin == nullptr || !seen.insert(plugin).second) return;
    const std::string digest = code_digest(plugin->path);
    if (allowed.digests.contains(digest)) return;
    all = false;
    diagnostics.error(stage.origin, "stage " + quoted(stage.id) + ": plugin " +
                                        quoted(plugin->name) + " is not allowed: the code of " +
                                        quoted(plugin->path.string()) + " is not in " +
                                        quoted(allowed.file.string()) + ". If you trust it, " +
                                        remedy(*plugin, digest));
  };
  for (const PlannedStage& stage : plan.stages) {
    if (!stage.wanted) continue;
    admit(stage, stage.plugin);
    for (const auto* uses : {&stage.steps, &stage.rewards})
      for (const ItemUse& use : *uses) admit(stage, use.plugin);
  }
  return all;
}

}  // namespace lehr::runtime
