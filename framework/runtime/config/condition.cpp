#include "runtime/config/condition.h"

#include <array>

namespace lehr::runtime {
namespace {

constexpr std::array<std::string_view, 6> kOperators = {">=", "<=", "==", "!=", ">", "<"};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// Where an operator stands outside "${...}" and quotes; npos: there is none.
std::size_t find_operator(std::string_view text, std::string_view& op) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    // A reference, or a quoted text at the beginning, is passed over.
    const bool quoted = text[i] == '\'' && text.find_first_not_of(' ') == i;
    if (quoted || text.substr(i).starts_with("${")) {
      i = text.find(quoted ? '\'' : '}', i + 1);
      if (i == std::string_view::npos) return i;
      continue;
    }
    for (const std::string_view candidate : kOperators)
      if (text.substr(i).starts_with(candidate)) {
        op = candidate;
        return i;
      }
  }
  return std::string_view::npos;
}

template <class T>
bool compare(const T& a, std::string_view op, const T& b) {
  if (op == ">=") return a >= b;
  if (op == "<=") return a <= b;
  if (op == "!=") return a != b;
  if (op == ">") return a > b;
  if (op == "<") return a < b;
  return a == b;
}

const char* type_of(const Node& node) {
  if (read_float(node.text)) return "a number";
  return read_bool(node.text) ? "true or false" : "text";
}

}  // namespace

std::vector<RequireConfig> ConditionReader::results(const Node& map, const std::string& where,
                                                    const std::string& key, bool foreign_only) {
  std::vector<RequireConfig> out;
  if (!map.is_map()) {
    expected(map, where,
             "'" + key + "' expects a map, as in {\"" + (foreign_only ? "judge:" : "") +
                 "eval/accuracy\": \">= 0.7\"}");
    return out;
  }
  for (const Entry& entry : map.entries) {
    const Node& node = *entry.value;
    const std::optional<std::string> name = result_name(entry);
    if (!name) continue;
    RequireConfig require{"", *name, "", 0, entry.origin};
    if (const std::size_t colon = name->find(':'); colon != std::string::npos) {
      require.stage = name->substr(0, colon);
      require.metric = name->substr(colon + 1);
    } else if (foreign_only) {
      diagnostics_.error(entry.origin, where + key + " '" + *name +
                                           "': expected STAGE:RESULT, as in 'judge:eval/accuracy'");
      continue;
    }
    std::string_view text = node.is_scalar() ? std::string_view(node.text) : std::string_view();
    for (const std::string_view op : kOperators)
      if (text.starts_with(op)) {
        require.op = op;
        text = trimmed(text.substr(op.size()));
        break;
      }
    const auto limit = read_float(text);
    if (require.op.empty() || !limit) {
      expected(node,
               where + key + " '" + *name + "': ", "expected a comparison such as \">= 0.7\"");
      continue;
    }
    require.limit = *limit;
    out.push_back(std::move(require));
  }
  return out;
}

// The key with its references replaced; nullopt: a mistake, which is told.
std::optional<std::string> ConditionReader::result_name(const Entry& entry) {
  if (entry.key.find("${") == std::string::npos) return entry.key;
  auto key = std::make_shared<Node>();
  key->kind = Node::Kind::scalar;
  key->origin = entry.origin;
  key->text = entry.key;
  const NodePtr name = interpolation_.resolve(key);
  if (name->bad) return std::nullopt;
  if (name->is_scalar()) return name->text;
  diagnostics_.error(entry.origin,
                     "'" + entry.key + "' is " + describe(*name) + ", which cannot name a result");
  return std::nullopt;
}

NodePtr ConditionReader::side(const NodePtr& condition, std::string_view text) {
  text = trimmed(text);
  if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'') {
    text.remove_prefix(1);
    text.remove_suffix(1);
  }
  auto node = std::make_shared<Node>(*condition);
  node->text = text;
  return interpolation_.resolve(node);
}

std::optional<bool> ConditionReader::holds(const NodePtr& node, const std::string& where) {
  const char* form = "'when' expects a comparison such as \"${vars.size} >= 3\", or true or false";
  if (!node->is_scalar() || node->text.empty()) {
    expected(*node, where, form);
    return std::nullopt;
  }
  std::string_view op;
  const std::size_t at = find_operator(node->text, op);
  if (at == std::string_view::npos) {
    const NodePtr lone = interpolation_.resolve(node);
    const auto read = lone->is_scalar() ? read_bool(lone->text) : Read<bool>::failed("");
    if (read) return *read;
    expected(*lone, where, form);
    return std::nullopt;
  }
  const std::string_view text = node->text;
  const NodePtr left = side(node, text.substr(0, at)),
                right = side(node, text.substr(at + op.size()));
  if (left->bad || right->bad) return std::nullopt;
  for (const NodePtr& value : {left, right})
    if (!value->is_scalar()) {
      expected(*value, where, form);
      return std::nullopt;
    }
  const auto a = read_float(left->text), b = read_float(right->text);
  if (a && b) return compare(*a, op, *b);
  const std::string_view left_type = type_of(*left), right_type = type_of(*right);
  if (left_type != right_type) {
    diagnostics_.error(node->origin, where + "'when' compares '" + left->text + "', which is " +
                                         std::string(left_type) + ", with '" + right->text +
                                         "', which is " + std::string(right_type));
    return std::nullopt;
  }
  if (op != "==" && op != "!=") {
    diagnostics_.error(node->origin, where + "'when': '" + std::string(op) +
                                         "' compares numbers, and '" + left->text + "' is " +
                                         std::string(left_type));
    return std::nullopt;
  }
  return compare(left->text, op, right->text);
}

}  // namespace lehr::runtime
