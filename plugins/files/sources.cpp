#include "sources.h"

#include <lehr/value.h>

#include <algorithm>
#include <optional>
#include <set>

#include "text/matching_files.h"

namespace lehr::plugins::files {
namespace {

std::optional<Format> format_of(const std::filesystem::path& path) {
  std::string name = path.filename().string();
  for (const char* end : {".gz", ".zst"})
    if (name.ends_with(end)) {
      name.resize(name.size() - std::string_view(end).size());
      break;
    }
  if (name.ends_with(".jsonl") || name.ends_with(".ndjson")) return Format::json_lines;
  if (name.ends_with(".txt")) return Format::text;
  if (name.ends_with(".csv")) return Format::csv;
  if (name.ends_with(".tsv")) return Format::tsv;
  return std::nullopt;
}

}  // namespace

char delimiter_of(Format format) {
  return format == Format::csv ? ',' : format == Format::tsv ? '\t' : '\0';
}

std::vector<Source> find_sources(const std::vector<std::string>& patterns,
                                 std::string_view parameter) {
  std::vector<Source> sources;
  std::set<std::filesystem::path> known;
  for (const std::string& pattern : patterns) {
    const std::string place = std::string(parameter) + ": '" + pattern + "'";
    const bool folder = std::filesystem::is_directory(pattern);
    const auto base = text::fixed_folder(pattern);
    bool found = false;
    for (const auto& path : text::matching_files(pattern)) {
      const auto format = format_of(path);
      if (!format && folder) continue;
      if (!format)
        throw Error(place + " names '" + path.string() +
                    "', whose form is not known; known are .jsonl, .ndjson, .txt, .csv and .tsv, "
                    "each also with .gz or .zst");
      found = true;
      if (known.insert(path).second)
        sources.push_back({path, path.lexically_relative(base).generic_string(), *format});
    }
    if (!found) throw Error(place + " matches no file that could be read");
  }
  return sources;
}

}  // namespace lehr::plugins::files
