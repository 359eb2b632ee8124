// The files that a stage is given, for one split, and the choice of what goes to evaluation.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::plugins::files {

enum class Format { json_lines, text };

struct Source {
  std::filesystem::path path;
  std::string name;  // relative to the folder its pattern begins with
  Format format;
};

// The files of all patterns, each pattern's sorted, none twice. A file is what its name says:
// .jsonl, .ndjson or .txt, each also with .gz or .zst behind it. Other files are passed over in a
// folder and an error where a pattern names them. Throws Error if a pattern matches nothing.
std::vector<Source> find_sources(const std::vector<std::string>& patterns,
                                 std::string_view parameter);

// Whether what `content` says belongs to evaluation: true for `fraction` of all contents, for equal
// ones alike, and for a larger fraction wherever it was for a smaller one.
bool is_held_out(std::string_view content, double fraction);

}  // namespace lehr::plugins::files
