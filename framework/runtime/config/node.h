// The configuration as written: an immutable tree of maps, lists and scalars in which every node
// knows its origin. Scalars stay text until the parameter they are for says which type is meant, so
// `4096`, "6M" and `no` can be judged by what was expected. Nodes are shared (anchors, variables,
// variants of a stage use the same ones), never changed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config/source.h"

namespace lehr::runtime {

struct Node;
using NodePtr = std::shared_ptr<const Node>;

struct Entry {
  std::string key;
  Origin origin;  // of the key
  NodePtr value;
};

struct Node {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  Origin origin;      // where it is used; errors are reported here
  Origin definition;  // where it was written, if that is elsewhere (an anchor, a variable); else no
                      // source
  std::string text;   // scalar
  bool plain = true;  // scalar: not quoted, so it may mean something other than text
  bool computed = false;    // scalar: put together from variables, so the quotes mean nothing
  bool bad = false;         // an error was reported here; nothing more is to be said about it
  bool lacks_keys = false;  // map: what would have brought more keys was refused
  std::vector<NodePtr> items;
  std::vector<Entry> entries;  // in written order, keys unique
  std::size_t weight = 1;  // nodes in the tree below, shared ones counted as often as they are used

  bool is_null() const { return kind == Kind::null; }
  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_list() const { return kind == Kind::list; }
  bool is_map() const { return kind == Kind::map; }
  const Entry* find(std::string_view key) const;
  // What relative paths in this node are relative to.
  const std::filesystem::path& folder() const {
    return (definition.source ? definition : origin).source->folder();
  }
};

// "text 'abc'", "the number 12", "a list", "nothing": for "expected a map, got ...".
std::string describe(const Node& node);
// The same value, used at `use`.
NodePtr used_at(const NodePtr& node, Origin use);
// Entries of `over` win; maps merge, everything else is replaced.
NodePtr merged(const NodePtr& base, const NodePtr& over);

}  // namespace lehr::runtime
