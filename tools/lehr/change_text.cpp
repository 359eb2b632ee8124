#include "change_text.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "runtime/plan/differences.h"
#include "terminal_text.h"

namespace lehr::cli {
namespace {

using runtime::KeyPart;

constexpr std::size_t kLongest = 60;  // of a value shown whole
constexpr std::size_t kDigest = 10;   // digits shown of one

bool is_hex(char c) {
  return std::string_view("0123456789abcdef").find(c) != std::string_view::npos;
}

// Digests are recognised by their beginning.
std::string with_short_digests(const std::string& value) {
  std::string out;
  for (std::size_t i = 0; i < value.size();) {
    std::size_t end = i;
    while (end < value.size() && is_hex(value[end])) ++end;
    const bool digest = end - i >= 40;
    end = std::max(end, i + 1);
    out += value.substr(i, digest ? kDigest : end - i);
    i = end;
  }
  return out;
}

// A line of a text, or an element of a list.
struct Item {
  std::string label;  // what it is known by: "filter.length", the line, the value
  std::string text;   // all of it
  std::string where;
  std::map<std::string, const KeyPart*> leaves;  // of an element: "min_words"; without its name
};

std::string place(const std::string& where) {
  return where.empty() ? "" : "  (" + shortened(where, kLongest) + ")";
}

// The label, and what someone wrote beside it.
std::string shown(const Item& item) {
  std::string out = with_short_digests(item.label);
  for (const auto& [name, leaf] : item.leaves)
    if (!leaf->where.empty())
      out += (out.empty() ? "" : ", ") + name + ": " + with_short_digests(leaf->value);
  return shortened(out, kLongest) + place(item.where);
}

// Lines "- old" and "+ new" for what is not part of the longest common subsequence of labels, and
// "~ name" for what is but is not the same.
class CameAndWent {
 public:
  CameAndWent(const std::vector<Item>& a, const std::vector<Item>& b, bool numbered)
      : numbered_(numbered) {
    std::size_t same = 0, a_end = a.size(), b_end = b.size();
    while (same < a_end && same < b_end && a[same].label == b[same].label) ++same;
    while (a_end > same && b_end > same && a[a_end - 1].label == b[b_end - 1].label)
      --a_end, --b_end;
    for (std::size_t i = 0; i < same; ++i) changed(a[i], b[i], i);
    between(a, b, same, a_end, b_end);
    for (; a_end < a.size(); ++a_end, ++b_end) changed(a[a_end], b[b_end], b_end);
  }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  // Two lists from `begin` on to their ends; of long ones all is taken for different.
  void between(const std::vector<Item>& a, const std::vector<Item>& b, std::size_t begin,
               std::size_t a_end, std::size_t b_end) {
    constexpr std::size_t kLargestTable = 4 << 20;
    const std::size_t columns = b_end - begin + 1;
    const bool is_long = (a_end - begin) * (b_end - begin) > kLargestTable;
    std::vector<std::uint32_t> table(is_long ? 0 : (a_end - begin + 1) * columns, 0);
    const auto common = [&](std::size_t i, std::size_t j) -> std::uint32_t& {  // from there on
      return table[(i - begin) * columns + (j - begin)];
    };
    for (std::size_t i = a_end; !is_long && i-- > begin;)
      for (std::size_t j = b_end; j-- > begin;)
        common(i, j) = a[i].label == b[j].label ? common(i + 1, j + 1) + 1
                                                : std::max(common(i + 1, j), common(i, j + 1));
    for (std::size_t i = begin, j = begin; i < a_end || j < b_end;) {
      if (!is_long && i < a_end && j < b_end && a[i].label == b[j].label) {
        changed(a[i++], b[j], j);
        ++j;
      } else if (j == b_end || (i < a_end && (is_long || common(i + 1, j) >= common(i, j + 1)))) {
        add('-', i, shown(a[i]));
        ++i;
      } else {
        add('+', j, shown(b[j]));
        ++j;
      }
    }
  }
  void changed(const Item& a, const Item& b, std::size_t index) {
    for (const auto& [name, leaf] : b.leaves) {
      const auto old = a.leaves.find(name);
      const std::string before = old == a.leaves.end() ? "(none)" : old->second->value;
      if (before != leaf->value)
        add('~', index,
            (b.label.empty() ? "" : b.label + ", ") + name + ": " + with_short_digests(before) +
                " -> " + with_short_digests(leaf->value) + place(leaf->where));
    }
  }
  void add(char sign, std::size_t index, const std::string& text) {
    lines_.push_back(std::string(1, sign) + " " +
                     (numbered_ ? "[" + std::to_string(index) + "] " : "") + text);
  }

  bool numbered_;
  std::vector<std::string> lines_;
};

using PartsByName = std::map<std::string, const KeyPart*>;

PartsByName by_name(const std::vector<KeyPart>& parts) {
  PartsByName out;
  for (const KeyPart& part : parts) out[part.name] = &part;
  return out;
}

// The elements of a list whose leaves are "with.steps[0].name", "with.steps[0].with.form", ...
std::vector<Item> elements(const PartsByName& parts, const std::string& list) {
  std::map<std::size_t, Item> found;
  for (auto it = parts.lower_bound(list + "["); it != parts.end(); ++it) {
    const std::string& name = it->first;
    if (!name.starts_with(list + "[")) break;
    const std::size_t close = name.find(']', list.size());
    Item& item = found[std::strtoul(name.c_str() + list.size() + 1, nullptr, 10)];
    std::string inner = name.substr(std::min(name.size(), close + 2));
    if (inner.starts_with("with.")) inner.erase(0, 5);
    const KeyPart& leaf = *it->second;
    item.text += inner + "=" + leaf.value + ";";
    if (inner.empty() || inner == "name") {
      const auto text = nlohmann::json::parse(leaf.value, nullptr, false);
      item.label = text.is_string() ? text.get<std::string>() : leaf.value;
      item.where = leaf.where;
    } else {
      item.leaves[inner] = &leaf;
    }
  }
  std::vector<Item> out;
  for (auto& [index, item] : found) out.push_back(std::move(item));
  return out;
}

std::vector<Item> lines_of(const std::string& json) {
  const auto text = nlohmann::json::parse(json, nullptr, false);
  std::vector<Item> out;
  if (!text.is_string()) return out;
  std::string rest = text.get<std::string>();
  for (std::size_t at = 0; at <= rest.size();) {
    const std::size_t end = std::min(rest.find('\n', at), rest.size());
    const std::string line = rest.substr(at, end - at);
    out.push_back({line, line, "", {}});
    at = end + 1;
  }
  return out;
}

// "parameter" and "beta" of "with.beta".
std::pair<std::string, std::string> kind_and_name(const std::string& part) {
  static const std::vector<std::pair<std::string, std::string>> kinds = {
      {"with.", "parameter"},  {"in.", "input"},      {"code.", "code"},
      {"library.", "library"}, {"content.", "files"}, {"step.", "step"}};
  for (const auto& [prefix, kind] : kinds)
    if (part.starts_with(prefix)) {
      std::string name = part.substr(prefix.size());
      if (kind == "code") name = "plugin " + name;
      if (kind == "input" && name.ends_with("[0]")) name.resize(name.size() - 3);
      return {kind, name};
    }
  return {part, ""};
}

std::string places(const KeyPart* before, const KeyPart* after) {
  const std::string a = before ? before->where : "", b = after ? after->where : "";
  if (!after) return a.empty() ? "" : place("was " + a);
  if (a.empty() || a == b) return place(b);
  return "  (" + shortened(a, kLongest) + " -> " +
         (b.empty() ? "default" : shortened(b, kLongest)) + ")";
}

class Changes {
 public:
  Changes(const std::vector<KeyPart>& before, const std::vector<KeyPart>& after,
          std::string ignored_prefix, std::string indent)
      : before_(by_name(before)),
        after_(by_name(after)),
        ignored_(std::move(ignored_prefix)),
        indent_(std::move(indent)) {}

  std::string text() {
    PartsByName all = before_;
    all.insert(after_.begin(), after_.end());
    for (const char* kind : {"parameter", "files", "seed", "input", "code", "library", ""})
      for (const auto& [name, part] : all) {
        static const std::vector<std::string> ordered = {"parameter", "files", "seed",
                                                         "input",     "code",  "library"};
        const std::string own = kind_and_name(name).first;
        const bool other = std::find(ordered.begin(), ordered.end(), own) == ordered.end();
        if (*kind == '\0' ? other : own == kind) change(name);
      }
    return out_;
  }

 private:
  static const KeyPart* in(const PartsByName& parts, const std::string& name) {
    const auto found = parts.find(name);
    return found == parts.end() ? nullptr : found->second;
  }

  void change(const std::string& name) {
    const KeyPart *a = in(before_, name), *b = in(after_, name);
    if ((a && b && a->value == b->value) || (!ignored_.empty() && name.starts_with(ignored_)))
      return;
    const std::size_t bracket = name.find('[');
    if (name.starts_with("with.") && bracket != std::string::npos &&
        whole_list(name.substr(0, bracket)))
      return;
    const auto [kind, own_name] = kind_and_name(name);
    const std::vector<Item> lines_a = a ? lines_of(a->value) : std::vector<Item>(),
                            lines_b = b ? lines_of(b->value) : std::vector<Item>();
    if (lines_a.size() > 1 || lines_b.size() > 1) {
      add(kind, own_name + ":" + places(a, b));
      return add_lines(CameAndWent(lines_a, lines_b, false).lines());
    }
    const auto [old, now] = runtime::around_difference(with_short_digests(a ? a->value : "(none)"),
                                                       with_short_digests(b ? b->value : "(none)"));
    add(kind, (own_name.empty() ? "" : own_name + ": ") + old + " -> " + now + places(a, b));
  }

  // A list of which elements came, went or moved is shown once, as a whole. False: the same number
  // of elements, of which one differs, so that its leaf says it better.
  bool whole_list(const std::string& list) {
    if (list == told_list_) return true;
    const auto a = elements(before_, list), b = elements(after_, list);
    std::size_t differ = 0;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) differ += a[i].text != b[i].text;
    if (a.size() == b.size() && differ <= 1) return false;
    told_list_ = list;
    const CameAndWent items(a, b, true);
    // What went has no place any more: then where the rest of the list is.
    const bool some_went = std::any_of(items.lines().begin(), items.lines().end(),
                                       [](const std::string& line) { return line[0] == '-'; });
    add("parameter",
        list.substr(5) + ":" + (some_went && !b.empty() ? place(b.front().where) : ""));
    add_lines(items.lines());
    return true;
  }

  void add(const std::string& kind, const std::string& text) {
    out_ += indent_ + padded(kind, 9) + "  " + text + "\n";
  }
  void add_lines(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) out_ += indent_ + std::string(13, ' ') + line + "\n";
  }

  PartsByName before_, after_;
  std::string ignored_, indent_, out_, told_list_;
};

}  // namespace

std::string change_text(const std::vector<KeyPart>& before, const std::vector<KeyPart>& after,
                        const std::string& ignored_prefix, const std::string& indent) {
  return Changes(before, after, ignored_prefix, indent).text();
}

}  // namespace lehr::cli
