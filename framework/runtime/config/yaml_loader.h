// YAML text -> Node tree. The only file that sees libyaml, which reads ten times as fast as
// yaml-cpp. Strict: one document, UTF-8, bounded size, depth, nodes and aliases; duplicate keys,
// tags, merge keys and keys that are not plain text are errors. The parser is driven by events, so
// a hostile file is stopped before anything large is built.
#pragma once

#include <filesystem>

#include "runtime/config/diagnostics.h"
#include "runtime/config/node.h"

namespace lehr::runtime {

struct YamlLimits {
  std::size_t bytes = 4 << 20;
  std::size_t depth = 64;
  std::size_t nodes = 200'000;  // aliases count as all that they stand for
  std::size_t aliases = 1'000;
};

// The tree of `source`, or null. Mistakes go to `diagnostics`; a tree with mistakes may still be
// returned, so that others in the same file can be found too.
NodePtr load_yaml(const std::shared_ptr<const Source>& source, Diagnostics& diagnostics,
                  const YamlLimits& limits = {});

// Reads a file for load_yaml; `name` is how messages call it. Null, with an error in `diagnostics`
// at `from`, if it cannot be read or is too large.
std::shared_ptr<const Source> read_source(const std::filesystem::path& path,
                                          const std::string& name, int rank, const Origin& from,
                                          Diagnostics& diagnostics, const YamlLimits& limits = {});

}  // namespace lehr::runtime
