#include "runtime/config/config_tree.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/config/suggestion.h"
#include "runtime/config/yaml_loader.h"
#include "runtime/store/json_text.h"

namespace lehr::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostExtends = 16;
constexpr int kDeepestPath = 64;  // what --set names, as what a file holds

// What `extends: recipes/c4.yaml` names: a file beside the one that says so, else one that comes
// with Lehr.
fs::path extended(const fs::path& folder, const fs::path& written) {
  const fs::path beside = folder / written;
  std::error_code error;
  if (written.is_absolute() || fs::exists(beside, error)) return beside;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path shipped = program.parent_path().parent_path() / "share/lehr" / written;
  return fs::exists(shipped, error) ? shipped : beside;
}

// The file and, below it, what it extends.
NodePtr load_file(const fs::path& path, const std::string& name, const Origin& from,
                  std::vector<fs::path>& chain, Diagnostics& diagnostics) {
  std::error_code error;
  const fs::path identity = fs::weakly_canonical(path, error);
  if (std::find(chain.begin(), chain.end(), identity) != chain.end()) {
    diagnostics.error(from, "'" + name + "' extends itself");
    return nullptr;
  }
  if (chain.size() >= kMostExtends) {
    diagnostics.error(from,
                      "more than " + std::to_string(kMostExtends) + " files extend one another");
    return nullptr;
  }
  const auto source = read_source(path, name, static_cast<int>(chain.size()), from, diagnostics);
  if (!source) return nullptr;
  chain.push_back(identity);
  const NodePtr tree = load_yaml(source, diagnostics);
  if (!tree) return nullptr;
  if (!tree->is_map()) {
    diagnostics.error(tree->origin,
                      "a pipeline is a map that begins with 'lehr: 1', got " + describe(*tree));
    return nullptr;
  }
  const Entry* extends = tree->find("extends");
  if (!extends) return tree;

  auto own = std::make_shared<Node>(*tree);
  std::erase_if(own->entries, [](const Entry& e) { return e.key == "extends"; });
  if (!extends->value->is_scalar() || extends->value->text.empty()) {
    diagnostics.error(
        extends->value->origin,
        "'extends' expects the path of another pipeline file, got " + describe(*extends->value));
    return own;
  }
  const fs::path written = extends->value->text;
  const fs::path shown =
      written.is_absolute() ? written : (fs::path(name).parent_path() / written).lexically_normal();
  const NodePtr base = load_file(extended(source->folder(), written), shown.string(),
                                 extends->value->origin, chain, diagnostics);
  return base ? merged(base, own) : nullptr;
}

// "steps[0].length", as messages name an element, is "steps.0.length".
std::string with_dots(std::string path) {
  for (std::size_t at = 1; (at = path.find('[', at)) < path.size(); ++at) {
    const std::size_t end = path.find_first_not_of("0123456789", at + 1);
    if (end == at + 1 || end == std::string::npos || path[end] != ']') continue;
    path.erase(end, 1);
    path[at] = '.';
  }
  return path;
}

// One `--set path=value`.
class Override {
 public:
  Override(const std::string& text, int rank, Diagnostics& diagnostics)
      : diagnostics_(diagnostics), origin_{Source::flag("--set " + text, rank), 0, 0} {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      diagnostics_.error(origin_, "expected path=value, as in --set stages.dpo.with.beta=0.2");
      return;
    }
    if (!is_utf8(text)) {
      diagnostics_.error(origin_, "this is not UTF-8");
      return;
    }
    path_ = with_dots(text.substr(0, equals));
    const std::string value = text.substr(equals + 1);
    const std::size_t begin = value.find_first_not_of(" \t");
    // '>' and '|' begin texts of several lines in YAML: a flag has none, but ">= 0.7" is a gate.
    if (begin == std::string::npos || value[begin] == '>' || value[begin] == '|') {
      auto node = std::make_shared<Node>();
      node->origin = origin_;
      if (begin != std::string::npos) {
        node->kind = Node::Kind::scalar;
        node->text = value.substr(begin);
        node->plain = false;
      }
      value_ = node;
      return;
    }
    // The value's places are those of the flag.
    const auto source = std::make_shared<Source>("--set " + text, fs::current_path(), value, rank);
    Diagnostics problems;
    const NodePtr read = load_yaml(source, problems);
    for (const Diagnostic& d : problems.sorted()) diagnostics_.error(origin_, d.message);
    if (read && problems.empty()) value_ = placed(read);
  }

  NodePtr apply(const NodePtr& root) {
    if (!value_) return root;
    if (path_ == "lehr" || path_ == "extends" || path_.starts_with("extends.")) {
      diagnostics_.error(origin_, "'" + path_ + "' cannot be set from the command line");
      return root;
    }
    return put(root, path_, 0);
  }

 private:
  NodePtr placed(const NodePtr& node) const {
    auto out = std::make_shared<Node>(*node);
    out->origin = origin_;
    out->definition = {};
    for (NodePtr& item : out->items) item = placed(item);
    for (Entry& entry : out->entries) entry = {entry.key, origin_, placed(entry.value)};
    return out;
  }
  NodePtr fail(const NodePtr& node, const std::string& why) {
    diagnostics_.error(origin_, why);
    return node;
  }

  // `node` with the value at `rest`, `at` being the length of the path before it.
  NodePtr put(const NodePtr& node, std::string_view rest, int depth) {
    if (rest.empty()) return value_;
    if (depth > kDeepestPath)
      return fail(node, "nested deeper than " + std::to_string(kDeepestPath) + " levels");
    const std::string before = path_.substr(0, path_.size() - rest.size() - (depth > 0));
    if (node->is_list()) return put_item(node, rest, depth, before);
    if (!node->is_map() && !node->is_null())
      return fail(node,
                  "'" + before + "' is " + describe(*node) + "; there is nothing inside it to set");
    // Keys may hold dots themselves (acme.no_shouting), so the longest existing key wins.
    std::string key;
    const Entry* found = nullptr;
    for (std::size_t end = rest.size(); end != std::string_view::npos && end > 0 && !found;
         end = end == 0 ? std::string_view::npos : rest.rfind('.', end - 1))
      if ((found = node->find(rest.substr(0, end)))) key = rest.substr(0, end);
    if (!found) key = rest.substr(0, rest.find('.'));
    if (!found && (before == "stages" || before == "vars" || before.starts_with("vars.")))
      return fail(node, "there is no " + std::string(before == "stages" ? "stage" : "variable") +
                            " '" + key + "'." + suggestion(key, keys(*node)));
    const std::string_view after =
        rest.size() > key.size() ? rest.substr(key.size() + 1) : std::string_view();
    auto out = std::make_shared<Node>(*node);
    out->kind = Node::Kind::map;
    if (node->is_null() && !node->origin.source) out->origin = origin_;
    const NodePtr child = found ? found->value : empty();
    const NodePtr value = put(child, after, depth + 1);
    if (found)
      for (Entry& entry : out->entries) {
        if (entry.key != key) continue;
        entry.value = value;
        if (after.empty()) entry.origin = origin_;
      }
    else
      out->entries.push_back({key, origin_, value});
    return out;
  }
  NodePtr put_item(const NodePtr& node, std::string_view rest, int depth,
                   const std::string& before) {
    const std::string_view number = rest.substr(0, rest.find('.'));
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
    if (error != std::errc{} || end != number.data() + number.size() || index >= node->items.size())
      return fail(node, "'" + before + "' is a list of " + std::to_string(node->items.size()) +
                            ": name an element by its number from 0, got '" + std::string(number) +
                            "'");
    auto out = std::make_shared<Node>(*node);
    const std::string_view after =
        rest.size() > number.size() ? rest.substr(number.size() + 1) : std::string_view();
    out->items[index] = put(node->items[index], after, depth + 1);
    return out;
  }
  NodePtr empty() const {
    auto node = std::make_shared<Node>();
    node->origin = origin_;
    return node;
  }
  static std::vector<std::string> keys(const Node& map) {
    std::vector<std::string> out;
    for (const Entry& entry : map.entries) out.push_back(entry.key);
    return out;
  }

  Diagnostics& diagnostics_;
  Origin origin_;
  std::string path_;
  NodePtr value_;
};

}  // namespace

NodePtr load_config_tree(const fs::path& file, const std::vector<std::string>& sets,
                         Diagnostics& diagnostics) {
  std::vector<fs::path> chain;
  NodePtr root = load_file(file, file.string(), {}, chain, diagnostics);
  if (!root) return nullptr;
  int rank = 1000;
  for (const std::string& set : sets) root = Override(set, rank++, diagnostics).apply(root);
  return root;
}

}  // namespace lehr::runtime
