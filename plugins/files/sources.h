// The files that a stage is given, for one split.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::plugins::files {

enum class Format { json_lines, text, csv, tsv };

// What stands between the fields of a row; 0 for formats that have none.
char delimiter_of(Format format);

struct Source {
  std::filesystem::path path;
  std::string name;  // relative to the folder its pattern begins with
  Format format;
};

// The files of all patterns, each pattern's sorted, none twice. A file is what its name says, in
// capitals or not: .jsonl, .ndjson, .txt, .csv or .tsv, each also with .gz or .zst behind it. Other
// files are passed over in a folder, which `warn` is told, and an error where a pattern names them.
// Throws Error if a pattern matches nothing.
std::vector<Source> find_sources(
    const std::vector<std::string>& patterns, std::string_view parameter,
    const std::function<void(const std::string&)>& warn = [](const std::string&) {});

// Tells `warn` if a file of `train` is one of `eval` too, so that what is measured was trained on.
void warn_of_shared(const std::vector<Source>& train, const std::vector<Source>& eval,
                    const std::function<void(const std::string&)>& warn);

// text::named_files() of them.
std::string named(const std::vector<Source>& sources);

}  // namespace lehr::plugins::files
