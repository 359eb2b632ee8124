#include "runtime/config/parameter_binder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/config/one_of_mistake.h"
#include "runtime/config/scalar_parameter.h"
#include "runtime/config/suggestion.h"
#include "runtime/plugin/described.h"
#include "runtime/store/json_text.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;
using described::is_set;
using described::list;
using described::member;

std::vector<std::string> names(const Json& described) {
  std::vector<std::string> out;
  for (const Json& parameter : described) out.push_back(member(parameter, "name"));
  return out;
}

std::string quoted_names(const Json& described) {
  std::string out;
  for (const std::string& name : names(described)) out += (out.empty() ? "'" : ", '") + name + "'";
  return out;
}

// Of those who write `epochs: 3` for `budget: {epochs: 3}`.
std::string one_in_a_map(const std::string& name, const Json& described) {
  for (const Json& parameter : described) {
    if (member(parameter, "type") != "struct" && member(parameter, "type") != "one_of") continue;
    for (const std::string& field : names(list(parameter, "fields")))
      if (field == name)
        return " Did you mean '" + member(parameter, "name") + ": {" + name + ": ...}'?";
  }
  return "";
}

// What may have been meant by the name of a document step or reward that there is none of. known:
// "plugin.item" of all plugins and "item" of the stage's own, of which a name without a plugin's
// is most likely one, and else another plugin's with its prefix forgotten.
std::string meant_item(const std::string& name, const std::vector<std::string>& known) {
  std::vector<std::string> own, full, items;
  for (const std::string& k : known) {
    const std::size_t dot = k.find('.');
    (dot == k.npos ? own : full).push_back(k);
    if (dot != k.npos) items.push_back(k.substr(dot + 1));
  }
  if (name.find('.') != name.npos) return suggestion(name, full);
  if (!nearest_name(name, own).empty()) return suggestion(name, own);
  if (const std::string best = nearest_name(name, items); !best.empty())
    return " Did you mean '" + full[std::ranges::find(items, best) - items.begin()] + "'?";
  return own.empty() ? suggestion(name, full) : suggestion(name, own, 20);
}

// Where a value goes: its path in the key, and whether it is part of it.
struct Place {
  std::string path;  // "model.width", "steps[0].with.min_words"
  std::string
      shown;  // the same inside the step or reward that a message already names: "min_words"
  bool affects_output = true;

  std::string message() const { return "parameter '" + shown + "'"; }
  Place inside(const std::string& name, bool affects) const {
    return {path.empty() ? name : path + "." + name, shown.empty() ? name : shown + "." + name,
            affects_output && affects};
  }
  Place element(std::size_t index) const {
    const std::string number = "[" + std::to_string(index) + "]";
    return {path + number, shown + number, affects_output};
  }
};

class Binder {
 public:
  Binder(const PluginRegistry& registry, std::string owner, std::string home,
         Diagnostics& diagnostics)
      : registry_(registry),
        owner_(std::move(owner)),
        home_(std::move(home)),
        diagnostics_(diagnostics) {}

  BoundParameters out;

  // A map with declared members. `node` null or empty: all defaults. `origin`: where missing ones
  // are reported.
  Json map(const Node* node, const Json& described, const Place& place, const Origin& origin,
           const char* ignored_key = nullptr) {
    if (node)
      for (const Entry& entry : node->entries) {
        bool known = ignored_key && entry.key == ignored_key;
        for (const Json& parameter : described)
          known = known || member(parameter, "name") == entry.key;
        if (!known) unknown(entry, described, place);
      }
    Json values = Json::object();
    for (const Json& parameter : described) {
      const std::string& name = member(parameter, "name");
      const Entry* entry = node ? node->find(name) : nullptr;
      const Place inner = place.inside(name, is_set(parameter, "affects_output", true));
      values[name] = entry                      ? given(*entry->value, parameter, inner)
                     : node && node->lacks_keys ? Json()
                                                : missing(parameter, inner, origin);
    }
    return values;
  }

 private:
  Json fail(const Origin& origin, const std::string& what) {
    diagnostics_.error(origin, owner_ + ": " + what);
    return nullptr;
  }
  Json fail(const Node& node, const std::string& what) {
    auto& error = diagnostics_.error(node.origin, owner_ + ": " + what);
    if (node.definition.source)
      error.notes.push_back({node.definition, "the value comes from here"});
    return nullptr;
  }
  Json expected(const Node& node, const Place& place, const std::string& what) {
    if (node.bad) return nullptr;
    return fail(node, place.message() + " expects " + what + ", got " + describe(node));
  }
  void unknown(const Entry& entry, const Json& described, const Place& place) {
    const std::string in = place.shown.empty() ? "" : " in '" + place.shown + "'";
    std::string hint =
        described.empty() ? " It takes no parameters." : one_in_a_map(entry.key, described);
    if (hint.empty()) hint = suggestion(entry.key, names(described));
    if (hint.empty()) hint = " `lehr plugins show " + home_ + "` lists all there are";
    fail(entry.origin, "unknown parameter '" + entry.key + "'" + in + "." + hint);
  }
  void leaf(const Place& place, const Json& value, const Origin& origin) {
    if (place.affects_output) out.leaves.push_back({place.path, value.dump(), origin});
  }

  // What explains a changed key: the variable's place, not that of its use.
  static const Origin& written_at(const Node& node) {
    return node.definition.source ? node.definition : node.origin;
  }

  // A parameter that the pipeline does not give.
  Json missing(const Json& parameter, const Place& place, const Origin& origin) {
    if (is_set(parameter, "required", false))
      return fail(origin,
                  place.message() + " is missing" + help(parameter) + ". It has no default");
    const auto given = parameter.find("default");
    return defaulted(parameter, given == parameter.end() ? Json() : *given, place, origin);
  }
  static std::string help(const Json& parameter) {
    const std::string& text = member(parameter, "help");
    return text.empty() ? "" : " (" + text + ")";
  }
  // A default goes into the key like a value, in the same form.
  Json defaulted(const Json& parameter, const Json& value, const Place& place,
                 const Origin& origin) {
    const std::string& type = member(parameter, "type");
    if (value.is_null()) {
      leaf(place, nullptr, {});
      return nullptr;
    }
    if (type == "struct") {
      Json filled = Json::object();
      for (const Json& field : list(parameter, "fields")) {
        const std::string& name = member(field, "name");
        const Place inner = place.inside(name, is_set(field, "affects_output", true));
        filled[name] = value.contains(name) ? defaulted(field, value[name], inner, origin)
                                            : missing(field, inner, origin);
      }
      return filled;
    }
    if (type == "list" && value.is_array() && !value.empty() && parameter.contains("item")) {
      Json filled = Json::array();
      for (std::size_t i = 0; i < value.size(); ++i)
        filled.push_back(defaulted(parameter["item"], value[i], place.element(i), origin));
      return filled;
    }
    if (type == "input_path" && value.is_string()) {
      out.input_paths.push_back({place.path, value.get<std::string>(), {}});
      return value;
    }
    Json canonical = value;
    if ((type == "float" || type == "duration") && value.is_number())
      canonical = value.get<double>();
    if ((type == "int" || type == "count" || type == "bytes") && value.is_number_float())
      canonical = static_cast<std::int64_t>(std::llround(value.get<double>()));
    leaf(place, canonical, {});
    return canonical;
  }

  Json given(const Node& node, const Json& parameter, const Place& place) {
    if (node.bad) return nullptr;
    const std::string& type = member(parameter, "type");
    if (node.is_null()) {
      if (is_set(parameter, "nullable", false)) {
        leaf(place, nullptr, written_at(node));
        return nullptr;
      }
      const auto fallback = parameter.find("default");
      if (fallback != parameter.end() && fallback->is_null())
        return defaulted(parameter, nullptr, place, node.origin);
      return fail(
          node.origin,
          place.message() + " expects " + expected_text(parameter) + ", got nothing." +
              (is_set(parameter, "required", false) ? ""
                                                    : " Leave the key out to get the default"));
    }
    if (type == "struct") return given_struct(node, parameter, place);
    if (type == "one_of") return given_one_of(node, parameter, place);
    if (type == "list") return given_list(node, parameter, place);
    if (type == "map") return given_map(node, parameter, place);
    if (type == "steps" || type == "rewards") return given_items(node, type, place);
    return scalar(node, parameter, type, place);
  }
  Json scalar(const Node& node, const Json& parameter, const std::string& type,
              const Place& place) {
    if (!node.is_scalar()) return expected(node, place, expected_text(parameter));
    const Read<Json> read = read_scalar(node, parameter);
    if (!read) return fail(node, place.message() + read.reason());
    if (type == "input_path") return path(node, (*read).get<std::string>(), place);
    leaf(place, *read, written_at(node));
    if (member(parameter, "determinism") == "none") out.breaks_determinism = true;
    if (const std::string& input = member(parameter, "names_each_of"); !input.empty())
      out.labels.push_back({input, place.path, (*read).get<std::string>(), node.origin});
    return *read;
  }
  Json path(const Node& node, const std::string& written, const Place& place) {
    if (written.empty()) return fail(node, place.message() + " expects a path, got empty text");
    const auto absolute = (node.folder() / written).lexically_normal().string();
    if (!is_utf8(absolute))  // the folder of the file that says it
      return fail(node, place.message() + ": the path '" + absolute +
                            "' is not UTF-8. Put the pipeline into another folder");
    out.input_paths.push_back({place.path, absolute, written_at(node)});
    return absolute;
  }

  Json given_struct(const Node& node, const Json& parameter, const Place& place) {
    const Json& fields = list(parameter, "fields");
    if (!node.is_map()) return expected(node, place, "a map of " + quoted_names(fields));
    return map(&node, fields, place, node.origin);
  }
  Json given_one_of(const Node& node, const Json& parameter, const Place& place) {
    const Json& fields = list(parameter, "fields");
    const std::string known = quoted_names(fields);
    if (!node.is_map()) return expected(node, place, "a map with one of " + known);
    for (const Entry& entry : node.entries) {
      bool found = false;
      for (const Json& field : fields) found = found || member(field, "name") == entry.key;
      if (!found) unknown(entry, fields, place);
    }
    const auto is_given = [](const Entry& entry) { return !entry.value->is_null(); };
    if (std::count_if(node.entries.begin(), node.entries.end(), is_given) != 1) {
      report_not_one(node, owner_ + ": " + place.message() + " expects exactly one of " + known,
                     diagnostics_);
      return nullptr;
    }
    Json values = Json::object();
    for (const Json& field : fields) {
      const std::string& name = member(field, "name");
      const Place inner = place.inside(name, is_set(field, "affects_output", true));
      const Entry* entry = node.find(name);
      if (entry && !is_given(*entry)) entry = nullptr;
      if (!entry) leaf(inner, nullptr, {});
      values[name] = entry ? given(*entry->value, field, inner) : Json();
    }
    return values;
  }
  Json given_list(const Node& node, const Json& parameter, const Place& place) {
    if (!node.is_list()) {
      const std::string hint =
          node.is_scalar() ? ". Write [" + node.text + "] for a list of one" : "";
      return node.bad ? Json()
                      : fail(node.origin,
                             place.message() + " expects a list, got " + describe(node) + hint);
    }
    const auto found = parameter.find("item");
    if (found == parameter.end())
      return fail(node, place.message() + ": the plugin does not say what the list holds");
    Json item = *found;
    for (const char* bound : {"min", "max"})  // the bounds of a list are those of each element
      if (parameter.contains(bound) && !item.contains(bound)) item[bound] = parameter[bound];
    Json values = Json::array();
    if (node.items.empty()) leaf(place, values, node.origin);
    for (std::size_t i = 0; i < node.items.size(); ++i)
      values.push_back(given_item(*node.items[i], item, place.element(i)));
    return values;
  }

  // Keys as the pipeline likes, each with an item.
  Json given_map(const Node& node, const Json& parameter, const Place& place) {
    if (!node.is_map()) return expected(node, place, "a map");
    const auto item = parameter.find("item");
    if (item == parameter.end())
      return fail(node, place.message() + ": the plugin does not say what the map holds");
    Json values = Json::object();
    if (node.entries.empty()) leaf(place, values, node.origin);
    for (const Entry& entry : node.entries)
      values[entry.key] = given_item(*entry.value, *item, place.inside(entry.key, true));
    return values;
  }

  // An element of a list or a map's value: unlike a parameter it has no default to be left to.
  Json given_item(const Node& node, const Json& item, const Place& place) {
    if (!node.is_null() || node.bad || is_set(item, "nullable", false))
      return given(node, item, place);
    const bool is_text = member(item, "type") == "string";
    return fail(node, place.message() + " expects " + expected_text(item) + ", got nothing." +
                          (is_text ? " Empty text is \"\"" : " Leave it out, or give it a value"));
  }

  // Document steps or rewards: `- name`, or `- name: {parameters}`.
  Json given_items(const Node& node, const std::string& type, const Place& place) {
    const bool rewards = type == "rewards";
    const std::string thing = rewards ? "reward" : "step";
    if (!node.is_list()) return expected(node, place, "a list of " + type + " ('- NAME: {...}')");
    Json values = Json::array();
    if (node.items.empty()) leaf(place, values, node.origin);
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const Node& item = *node.items[i];
      const Place inner = place.element(i);
      if (item.bad) continue;
      if (item.is_map() && item.entries.size() > 1) {
        fail(item.entries[1].origin, inner.message() + " names '" + item.entries[0].key +
                                         "' and '" + item.entries[1].key + "': begin each " +
                                         thing +
                                         " with its own '-', and indent its parameters below it");
        continue;
      }
      if (!item.is_scalar() && !(item.is_map() && item.entries.size() == 1)) {
        expected(item, inner, "a " + thing + ", '- NAME' or '- NAME: {parameters}'");
        continue;
      }
      const Entry* entry = item.is_map() ? &item.entries[0] : nullptr;
      const std::string name = entry ? entry->key : item.text;
      const Origin& at = entry ? entry->origin : item.origin;
      const auto found = rewards ? registry_.reward(name, home_) : registry_.step(name, home_);
      if (!found) {
        const auto known = rewards ? registry_.reward_names(home_) : registry_.step_names(home_);
        const std::string broken = registry_.why_broken(name.substr(0, name.find('.')));
        fail(at, broken.empty()
                     ? "there is no " + thing + " '" + name + "'." + meant_item(name, known)
                     : thing + " '" + name + "': plugin cannot be used: " + broken);
        continue;
      }
      const Node* with = entry && !entry->value->is_null() ? entry->value.get() : nullptr;
      if (with && !with->is_map()) {
        expected(*with, inner, "a map of parameters for '" + name + "'");
        continue;
      }
      out_items(rewards).push_back({place.path, i, *found});
      leaf(inner.inside("name", true), found->full_name, at);
      Json value = {{"name", found->full_name}};
      if (rewards) value["weight"] = weight(with, inner);
      const std::string outer = std::exchange(owner_, owner_ + ": " + thing + " '" + name + "'");
      Place below = inner;
      below.path += ".with";
      below.shown.clear();
      value["with"] =
          map(with, list(*found->item, "parameters"), below, at, rewards ? "weight" : nullptr);
      owner_ = outer;
      values.push_back(std::move(value));
    }
    return values;
  }
  std::vector<BoundParameters::Item>& out_items(bool rewards) {
    return rewards ? out.rewards : out.steps;
  }
  Json weight(const Node* with, const Place& place) {
    static const Json described = {{"name", "weight"}, {"type", "float"}, {"default", 1.0}};
    const Entry* entry = with ? with->find("weight") : nullptr;
    const Place inner = place.inside("weight", true);
    return entry ? given(*entry->value, described, inner) : missing(described, inner, {});
  }

  const PluginRegistry& registry_;
  std::string owner_, home_;
  Diagnostics& diagnostics_;
};

}  // namespace

BoundParameters bind_parameters(const NodePtr& with, const nlohmann::ordered_json& parameters,
                                const PluginRegistry& registry, const std::string& owner,
                                const std::string& home, const Origin& origin,
                                Diagnostics& diagnostics) {
  Binder binder(registry, owner, home, diagnostics);
  const Node* map = with && with->is_map() ? with.get() : nullptr;
  binder.out.values = binder.map(map, parameters, {}, origin);
  return std::move(binder.out);
}

}  // namespace lehr::runtime
