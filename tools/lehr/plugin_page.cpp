#include "plugin_page.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <utility>
#include <vector>

#include "runtime/plugin/described.h"
#include "terminal_text.h"

namespace lehr::cli {
namespace {

using Json = nlohmann::ordered_json;
using runtime::described::is_set;
using runtime::described::list;
using runtime::described::member;

constexpr std::size_t kWidestCell = 26, kWidestPage = 100;

std::string number(double v) {
  char buffer[40];
  const bool whole = std::abs(v) < 1e15 && v == std::floor(v);
  const auto end =
      whole ? std::to_chars(buffer, buffer + sizeof buffer, static_cast<std::int64_t>(v)).ptr
            : std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
  return {buffer, end};
}

// In the largest unit of which it is a whole number, as one would write it in a pipeline.
std::string in_units(double value,
                     std::initializer_list<std::pair<double, const char*>> largest_first) {
  for (const auto& [size, unit] : largest_first) {
    const double n = std::round(value / size);
    if (n >= 1 && std::fabs(value - n * size) <= 1e-9 * value) return number(n) + unit;
  }
  return number(value);
}

// A default or limit of the parameter: "8GiB", "30m", 0.5.
std::string quantity(const Json& p, const Json& value) {
  const std::string type = member(p, "type");
  if (type == "bytes")
    return in_units(value.get<double>(),
                    {{0x1p40, "TiB"}, {0x1p30, "GiB"}, {0x1p20, "MiB"}, {0x1p10, "KiB"}, {1, "B"}});
  if (type == "duration")
    return in_units(value.get<double>(),
                    {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}, {1e-3, "ms"}});
  return number(value);
}

std::string range(const Json& p) {
  const bool low = p.contains("min") && p["min"].is_number(),
             high = p.contains("max") && p["max"].is_number();
  std::string out = low && high ? quantity(p, p["min"]) + " .. " + quantity(p, p["max"])
                    : low       ? ">= " + quantity(p, p["min"])
                    : high      ? "<= " + quantity(p, p["max"])
                                : "";
  if (const std::string unit = member(p, "unit"); !unit.empty())
    out += (out.empty() ? "" : " ") + unit;
  return out;
}

std::string type_text(const Json& p) {
  const std::string type = member(p, "type");
  if (type == "map" && p.contains("item")) return "map of " + type_text(p["item"]);
  if (type == "list" && p.contains("item")) return "list of " + type_text(p["item"]);
  if (type != "enum") return type;
  std::string out;
  for (const Json& c : list(p, "choices"))
    out += (out.empty() ? "" : " | ") + (c.is_string() ? c.get<std::string>() : c.dump());
  return out;
}

std::string default_text(const Json& p) {
  const std::string type = member(p, "type");
  if (is_set(p, "required")) return "required";
  if (type == "struct" || !p.contains("default")) return "";
  const Json& value = p["default"];
  if (value.is_null()) return "none";
  if (value.is_number() && (type == "bytes" || type == "duration")) return quantity(p, value);
  return value.is_string() && !value.get<std::string>().empty() ? value.get<std::string>()
                                                                : value.dump();
}

class Page {
 public:
  Page(const runtime::PluginFile& plugin, bool color) : plugin_(plugin), color_(color) {}

  std::string text(const std::string& item) {
    if (item.empty()) header();
    for (const auto& [kind, word] :
         {std::pair{"stages", "stage"}, {"steps", "step"}, {"rewards", "reward"}})
      for (const Json& described : list(plugin_.description, kind))
        if (item.empty() || member(described, "name") == item) section(described, word);
    return std::move(out_);
  }

 private:
  using Row = std::vector<std::string>;

  std::string painted(const char* code, const std::string& text) const {
    return color_ && !text.empty() ? "\033[" + std::string(code) + "m" + text + "\033[0m" : text;
  }
  std::string bold(const std::string& text) const { return painted("1", text); }
  std::string dim(const std::string& text) const { return painted("2", text); }

  // Aligned columns, but for what is very wide; the last member of a row is help, below it.
  void table(const std::vector<Row>& rows, const std::string& indent) {
    std::vector<std::size_t> widths;
    for (const Row& row : rows) {
      widths.resize(std::max(widths.size(), row.size()));
      for (std::size_t c = 0; c + 1 < row.size(); ++c)
        if (const std::size_t width = text_width(row[c]); width <= kWidestCell || c == 0)
          widths[c] = std::max(widths[c], width);
    }
    for (const Row& row : rows) {
      std::string line;
      for (std::size_t c = 0; c + 1 < row.size(); ++c) {
        if (widths[c] == 0 && row[c].empty()) continue;
        const std::string cell = padded(row[c], widths[c]);
        line += (c == 0 ? "" : "  ") + (c == 0 ? painted("36", cell) : cell);
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out_ += indent + line + "\n";
      const std::size_t inner = row.front().find_first_not_of(' ') + indent.size() + 4;
      const std::size_t width = std::min(terminal_width(STDOUT_FILENO), kWidestPage);
      if (row.back().empty()) continue;
      for (const std::string& help : wrapped(row.back(), width - std::min(width / 2, inner)))
        out_ += std::string(inner, ' ') + dim(help) + "\n";
    }
  }

  void fact(const std::string& name, const std::string& value) {
    out_ += "  " + dim(padded(name, 12)) + "  " + value + "\n";
  }

  void header() {
    const Json& d = plugin_.description;
    out_ += bold(plugin_.name + " " + plugin_.version) + "  " + member(d, "summary") + "\n";
    fact("licence", member(d, "license").empty() ? "not said" : member(d, "license"));
    fact("file", plugin_.path.string());
    fact("code", "sha256 " + runtime::code_digest(plugin_.path));
    if (d.contains("abi")) fact("boundary", "version " + d["abi"].dump());
    bool first = true;
    for (const std::string& library : runtime::library_identities(plugin_)) {
      fact(first ? "libraries" : "", library);
      first = false;
    }
    if (first) fact("libraries", "none beyond the C and C++ runtime");
  }

  void section(const Json& item, const std::string& word) {
    out_ += (out_.empty() ? "" : "\n") +
            bold(word + " " + plugin_.name + "." + member(item, "name")) + "  " +
            member(item, "summary") + "\n";
    if (const std::string determinism = member(item, "determinism"); !determinism.empty()) {
      const char* meaning =
          determinism == "exact" ? "exact: the same bytes everywhere"
          : determinism == "machine"
              ? "machine: the same bytes for one instruction set, thread count and set of libraries"
              : "none: the first result stands";
      fact("determinism", meaning);
      fact("seed", is_set(item, "seed") ? "the output depends on it" : "not used");
    }
    std::string devices;
    for (const Json& device : list(item, "devices"))
      devices += (devices.empty() ? "" : ", ") + device.get<std::string>();
    if (!devices.empty()) fact("computes on", devices);
    std::string offers = is_set(item, "check") ? "rules across parameters" : "";
    if (is_set(item, "estimate")) offers += (offers.empty() ? "" : ", ") + std::string("estimates");
    if (!offers.empty()) fact("planning", offers);
    ports(list(item, "inputs"), "in");
    ports(list(item, "outputs"), "out");
    if (list(item, "parameters").empty()) return;
    out_ += "  " + bold("with") + "\n";
    std::vector<Row> rows;
    parameters(list(item, "parameters"), "", rows);
    table(rows, "    ");
  }

  void ports(const Json& described, const char* title) {
    if (described.empty()) return;
    out_ += "  " + bold(title) + "\n";
    std::vector<Row> rows;
    for (const Json& port : described) {
      if (member(port, "name") == "*") {
        rows.push_back({std::string("any the pipeline ") +
                            (title == std::string("in") ? "connects" : "declares"),
                        ""});
        continue;
      }
      std::string notes;
      const auto note = [&](const std::string& text) {
        notes += (notes.empty() ? "" : ", ") + text;
      };
      if (is_set(port, "list")) note("any number");
      const std::string otherwise = member(port, "otherwise");
      if (is_set(port, "optional"))
        note("optional" + (otherwise.empty() ? "" : ", else " + otherwise));
      if (const std::string self = member(port, "self"); !self.empty()) note("is " + self);
      if (const auto facets = port.find("facets"); facets != port.end() && facets->is_object())
        for (const auto& [facet, symbol] : facets->items()) {
          const std::string bound = symbol.is_string() ? symbol.get<std::string>() : symbol.dump();
          note(bound == "$" + facet ? bound
                                    : facet + " " + (bound[0] == '=' ? bound : "= " + bound));
        }
      rows.push_back({member(port, "name"), member(port, "type"), notes, member(port, "help")});
    }
    table(rows, "    ");
  }

  static const char* remark(const Json& parameter) {
    if (!is_set(parameter, "affects_output", true)) return "does not affect the output";
    return member(parameter, "determinism") == "none" ? "ends determinism" : "";
  }
  void parameters(const Json& described, const std::string& indent, std::vector<Row>& rows) {
    for (const Json& p : described) {
      rows.push_back({indent + member(p, "name"), type_text(p), default_text(p), range(p),
                      remark(p), member(p, "help")});
      parameters(list(p, "fields"), indent + "  ", rows);
      if (p.contains("item")) parameters(list(p["item"], "fields"), indent + "  ", rows);
    }
  }

  const runtime::PluginFile& plugin_;
  const bool color_;
  std::string out_;
};

}  // namespace

std::string plugin_page(const runtime::PluginFile& plugin, const std::string& item, bool color) {
  return Page(plugin, color).text(item);
}

Json plugin_json(const runtime::PluginFile& plugin, const std::string& item) {
  if (!item.empty()) {
    for (const char* kind : {"stages", "steps", "rewards"})
      for (const Json& described : list(plugin.description, kind))
        if (member(described, "name") == item) return described;
    return nullptr;
  }
  Json out = plugin.description;
  out["file"] = plugin.path.string();
  out["code"] = runtime::code_digest(plugin.path);
  out["libraries"] = runtime::library_identities(plugin);
  return out;
}

}  // namespace lehr::cli
