#include "sources.h"

#include <lehr/value.h>

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "text/matching_files.h"

namespace lehr::plugins::files {
namespace {

constexpr const char* kKnown =
    "known are .jsonl, .ndjson, .txt, .csv and .tsv, each also with .gz or .zst";

std::optional<Format> format_of(const std::filesystem::path& path) {
  const std::string file = path.filename().string();
  std::string_view name = file;
  for (const std::string_view end : {".gz", ".zst"})
    if (text::has_ending(name, end)) {
      name.remove_suffix(end.size());
      break;
    }
  if (text::has_ending(name, ".jsonl") || text::has_ending(name, ".ndjson"))
    return Format::json_lines;
  if (text::has_ending(name, ".txt")) return Format::text;
  if (text::has_ending(name, ".csv")) return Format::csv;
  if (text::has_ending(name, ".tsv")) return Format::tsv;
  return std::nullopt;
}

bool is_parquet(const std::filesystem::path& path) {
  return text::has_ending(path.native(), ".parquet");
}

// Behind a list of files whose form is not known.
std::string known_forms(const std::vector<std::filesystem::path>& files) {
  const bool parquet = std::any_of(files.begin(), files.end(), is_parquet);
  const bool json = std::any_of(files.begin(), files.end(), [](const std::filesystem::path& file) {
    return text::has_ending(file.native(), ".json");
  });
  return std::string(kKnown) + (parquet ? "; .parquet is read by parquet.documents" : "") +
         (json ? "; of a .json file with one list, `jq -c '.[]'` makes .jsonl" : "");
}

}  // namespace

char delimiter_of(Format format) {
  return format == Format::csv ? ',' : format == Format::tsv ? '\t' : '\0';
}

std::vector<Source> find_sources(const std::vector<std::string>& patterns,
                                 std::string_view parameter,
                                 const std::function<void(const std::string&)>& warn) {
  std::vector<Source> sources;
  std::unordered_set<std::string> known;
  for (const std::string& pattern : patterns) {
    const std::string place = std::string(parameter) + ": ";
    const bool folder = std::filesystem::is_directory(pattern);
    const auto base = text::fixed_folder(pattern);
    std::vector<std::filesystem::path> passed_over;
    bool found = false;
    for (const auto& path : text::matching_files(pattern)) {
      const auto format = format_of(path);
      if (!format && folder) {
        passed_over.push_back(path);
        continue;
      }
      if (!format)
        throw Error(place +
                    (path == pattern
                         ? "the form of '" + pattern + "'"
                         : "'" + pattern + "' names '" + path.string() + "'; its form") +
                    " is not known; " + known_forms({path}));
      found = true;
      if (known.insert(path.native()).second)
        sources.push_back({path, text::name_below(base, path), *format});
    }
    const std::string over = passed_over.empty() ? ""
                                                 : text::passed_over(pattern, passed_over) + "; " +
                                                       known_forms(passed_over);
    if (!found)
      throw Error(place + "'" + pattern + "' matches no file that could be read" +
                  (over.empty() ? "" : "; " + over));
    if (!over.empty()) warn(place + over);
  }
  return sources;
}

void warn_of_shared(const std::vector<Source>& train, const std::vector<Source>& eval,
                    const std::function<void(const std::string&)>& warn) {
  std::unordered_set<std::string> trained;
  for (const Source& source : train) trained.insert(source.path.native());
  std::vector<Source> shared;
  for (const Source& source : eval)
    if (trained.contains(source.path.native())) shared.push_back(source);
  if (!shared.empty())
    warn("eval: " + named(shared) + (shared.size() == 1 ? " is" : " are") +
         " in 'train' too: evaluation would measure what was trained on");
}

std::string named(const std::vector<Source>& sources) {
  std::vector<std::filesystem::path> paths;
  for (const Source& source : sources) paths.push_back(source.path);
  return text::named_files(paths);
}

}  // namespace lehr::plugins::files
