#include "runtime/config/interpolation.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "runtime/config/suggestion.h"
#include "runtime/config/utf8.h"
#include "runtime/store/json_text.h"

namespace lehr::runtime {
namespace {

constexpr std::size_t kLongestText = 1 << 20;  // that references make
constexpr std::size_t kDeepest = 100;          // variables that use one another

bool has_reference(const Node& node) {
  if (node.is_scalar()) return node.text.find("${") != std::string::npos;
  return std::any_of(node.items.begin(), node.items.end(),
                     [](const NodePtr& n) { return has_reference(*n); }) ||
         std::any_of(node.entries.begin(), node.entries.end(),
                     [](const Entry& e) { return has_reference(*e.value); });
}

NodePtr bad_node(const Node& at) {
  auto node = std::make_shared<Node>();
  node->origin = at.origin;
  node->bad = true;
  return node;
}

bool begins_character(char c) { return (c & 0xC0) != 0x80; }

std::vector<std::string> keys(const Node& map) {
  std::vector<std::string> out;
  for (const Entry& entry : map.entries) out.push_back(entry.key);
  return out;
}

}  // namespace

void Interpolation::set_matrix(std::map<std::string, NodePtr> values) {
  matrix_ = std::move(values);
  used_matrix_.clear();
}

void Interpolation::check_variables() {
  if (!vars_ || !vars_->is_map()) return;
  in_use_ = false;
  for (const Entry& entry : vars_->entries) {  // not by name: there may be very many
    const std::string path = "vars." + entry.key;
    if (resolved_.contains(path)) continue;
    resolving_.insert(path);
    resolved_[path] = resolve(entry.value);
    resolving_.erase(path);
  }
  in_use_ = true;
}

NodePtr Interpolation::resolve(const NodePtr& node) {
  if (!has_reference(*node)) return node;
  if (node->is_scalar()) return scalar(node);
  auto out = std::make_shared<Node>(*node);
  for (NodePtr& item : out->items) item = resolve(item);
  for (Entry& entry : out->entries) entry.value = resolve(entry.value);
  return out;
}

// From the node's own place on, the "${" of that number, if it reads so there; else (an escape in
// quotes, one side of a condition, an alias) the first alike in the node's line, or the node.
Origin Interpolation::place_of(const Use& use) {
  Origin origin = use.user.origin;
  if (!origin.source || origin.source->is_flag()) return origin;
  std::string_view line = origin.source->line(origin.line);
  for (int column = 1; column < origin.column && !line.empty(); ++column)
    line.remove_prefix(std::max<std::size_t>(1, utf8_length(line, 0)));
  if (line.empty()) return origin;
  const std::string_view all = origin.source->text(),
                         rest = all.substr(static_cast<std::size_t>(line.data() - all.data()));
  const std::string wanted = "${" + std::string(use.path);
  std::size_t found = rest.find("${");
  for (std::size_t n = 0; n < use.number && found != std::string_view::npos; ++n)
    found = rest.find("${", found + 2);
  if (use.user.definition.source || found == std::string_view::npos ||
      !rest.substr(found).starts_with(wanted))
    found = line.find(wanted);
  if (found == std::string_view::npos) return origin;
  const std::string_view before = rest.substr(0, found);
  const std::size_t newline = before.rfind('\n');
  if (newline != std::string_view::npos) {
    origin.line += static_cast<int>(std::count(before.begin(), before.end(), '\n'));
    origin.column = 1;
  }
  const std::string_view same_line = before.substr(newline + 1);  // npos + 1 is 0
  origin.column +=
      static_cast<int>(std::count_if(same_line.begin(), same_line.end(), begins_character));
  return origin;
}

NodePtr Interpolation::scalar(const NodePtr& node) {
  const std::string_view text = node->text;
  std::string out;
  bool bad = false;  // one mistake does not hide those after it
  std::size_t number = 0;
  for (std::size_t i = 0; i < text.size(); ++number) {
    const std::size_t found = text.find("${", i);
    if (found == std::string_view::npos) {
      out += text.substr(i);
      break;
    }
    if (found > i && text[found - 1] == '$') {
      out += text.substr(i, found - 1 - i);
      out += "${";
      i = found + 2;
      continue;
    }
    const std::size_t end = text.find('}', found);
    if (end == std::string_view::npos) {
      diagnostics_.error(node->origin, "'${' without its '}' in '" + node->text +
                                           "'. For a plain '${' write '$${'");
      return bad_node(*node);
    }
    const Use use{text.substr(found + 2, end - found - 2), *node, number};
    const NodePtr value = lookup(use);
    if (found == 0 && end + 1 == text.size()) {
      if (value->bad) return bad_node(*node);
      return use.path.starts_with("env.") ? value : used_at(value, node->origin);
    }
    if (!value->bad && !value->is_scalar())
      diagnostics_.error(place_of(use), "'${" + std::string(use.path) + "}' is " +
                                            describe(*value) + ", which cannot be part of a text");
    bad = bad || value->bad || !value->is_scalar();
    if (bad) {
      i = end + 1;
      continue;
    }
    out += text.substr(i, found - i);
    out += value->text;
    if (out.size() > kLongestText) {
      diagnostics_.error(node->origin,
                         "with what its references stand for this text is longer than "
                         "1 MiB. Put it into a file");
      return bad_node(*node);
    }
    i = end + 1;
  }
  if (bad) return bad_node(*node);
  auto result = std::make_shared<Node>(*node);
  result->text = std::move(out);
  result->computed = true;
  return result;
}

// What a run depends on has to be visible, so a variable that is not set is a mistake.
NodePtr Interpolation::environment(const Use& use) {
  const std::string_view written = use.path.substr(4);  // after "env."
  const std::size_t otherwise = written.find(":-");
  const std::string name(written.substr(0, otherwise));
  const char* value = std::getenv(name.c_str());
  const bool use_default =
      otherwise != std::string_view::npos && (value == nullptr || *value == '\0');
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::scalar;
  node->origin = use.user.origin;
  node->computed = true;
  if (use_default) {
    node->text = written.substr(otherwise + 2);
    return node;
  }
  if (value != nullptr && is_utf8(value)) {
    node->text = value;
    return node;
  }
  diagnostics_.error(place_of(use), value != nullptr
                                        ? "the environment variable '" + name + "' is not UTF-8"
                                        : "the environment variable '" + name +
                                              "' is not set. Set it, or write ${env." + name +
                                              ":-DEFAULT}");
  return bad_node(use.user);
}

NodePtr Interpolation::lookup(const Use& use) {
  const std::string_view path = use.path;
  const auto refuse = [&](const std::string& why) {
    diagnostics_.error(place_of(use), why);
    return bad_node(use.user);
  };
  if (path.starts_with("matrix.")) {
    ++matrix_lookups_;
    if (!in_use_) return bad_node(use.user);
    const std::string name(path.substr(7));
    const auto found = matrix_.find(name);
    if (found == matrix_.end()) {
      std::vector<std::string> names;
      for (const auto& [known, value] : matrix_) names.push_back(known);
      return refuse(names.empty() ? "'${" + std::string(path) + "}': this stage has no matrix"
                                  : "there is no '" + name + "' in this stage's matrix." +
                                        suggestion(name, names));
    }
    used_matrix_.insert(name);
    return found->second;
  }
  if (path.starts_with("env.")) return in_use_ ? environment(use) : bad_node(use.user);
  if (!path.starts_with("vars."))
    return refuse("'${" + std::string(path) +
                  "}' is not known. Write ${vars.NAME}, ${env.NAME}, or ${matrix.NAME} in a stage "
                  "with a matrix");
  if (const auto done = resolved_.find(path); done != resolved_.end()) return done->second;
  if (!resolving_.insert(std::string(path)).second)
    return refuse("'${" + std::string(path) + "}' is defined by itself");
  if (resolving_.size() > kDeepest) {
    resolving_.erase(std::string(path));
    return refuse("more than " + std::to_string(kDeepest) +
                  " variables use one another in a chain");
  }

  const std::size_t before = matrix_lookups_;
  NodePtr value = vars_;
  std::string_view rest = path.substr(5);
  while (value && !rest.empty()) {
    const std::string key(rest.substr(0, rest.find('.')));
    rest = rest.size() > key.size() ? rest.substr(key.size() + 1) : std::string_view();
    const Entry* entry = value->find(key);
    if (!entry) {
      resolving_.erase(std::string(path));
      return refuse("there is no variable '" + key + "' in vars." + suggestion(key, keys(*value)));
    }
    value = entry->value;
    if (value->is_scalar() && !rest.empty()) value = resolve(value);
  }
  const NodePtr result =
      value ? resolve(value) : refuse("'${" + std::string(path) + "}': the pipeline has no vars");
  resolving_.erase(std::string(path));
  if (matrix_lookups_ == before) resolved_[std::string(path)] = result;
  return result;
}

}  // namespace lehr::runtime
