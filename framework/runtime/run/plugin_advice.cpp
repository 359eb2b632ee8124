#include "runtime/run/plugin_advice.h"

#include <algorithm>
#include <map>
#include <utility>

#include "runtime/run/plugin_questions.h"
#include "runtime/store/durable_file.h"
#include "runtime/store/sha256.h"

namespace lehr::runtime {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMostAnswers = 4096;  // kept; more than that are begun anew

// Answers of earlier plans, by the SHA-256 of code and question. A cache: losing it costs time
// only.
class KeptAnswers {
 public:
  explicit KeptAnswers(fs::path file) : file_(std::move(file)) {
    if (file_.empty() || !fs::exists(file_)) return;
    try {
      answers_ = Json::parse(read_file(file_), nullptr, false);
    } catch (const IoError&) {
    }
    if (!answers_.is_object()) answers_ = Json::object();
  }
  const Json* find(const std::string& key) const {
    const auto found = answers_.find(key);
    return found != answers_.end() && found->is_object() ? &*found : nullptr;
  }
  void add(const std::string& key, const PluginAnswer& answer) {
    if (answer.broken) return;  // it may be the machine's fault
    if (answers_.size() >= kMostAnswers) answers_ = Json::object();
    answers_[key] = {{"error", answer.error}, {"estimate", answer.estimate}};
    changed_ = true;
  }
  void save() const {
    if (!changed_ || file_.empty()) return;
    try {
      make_folders(file_.parent_path());
      write_file_atomically(file_, answers_.dump(0) + "\n");
    } catch (const IoError&) {
    }
  }

 private:
  fs::path file_;
  Json answers_ = Json::object();
  bool changed_ = false;
};

// What a plan wants to know, and of which stage.
struct Wanted {
  PluginQuestion question;
  std::string key;  // of the answer
  PlannedStage* stage;
  std::string subject;  // "", or "'acme.no_shouting': "
  std::string path;     // "", or that step's or reward's: "steps[2]"
  std::string plugin;   // its name
};

bool is_estimate(const Wanted& wanted) { return wanted.question.json["ask"] == "estimate"; }

std::string code_of(const PlannedStage& stage, const PluginFile& plugin) {
  for (const KeyPart& part : stage.static_parts)
    if (part.name == "code." + plugin.name) return part.value;
  return code_digest(plugin.path);
}

// The parameters of element `index` of a list of steps or rewards; path: "data.steps".
Json item_parameters(const PlannedStage& stage, const ItemUse& use) {
  const Json* at = &stage.parameters;
  std::string rest = use.parameter;
  while (true) {
    const std::size_t dot = rest.find('.');
    at = &at->at(rest.substr(0, dot));
    if (dot == std::string::npos) break;
    rest.erase(0, dot + 1);
  }
  const Json& entry = at->at(use.index);
  return entry.contains("with") ? entry["with"] : Json::object();
}

Json input_facts(const PlannedStage& stage, const ArtifactStore* store) {
  Json out = Json::array();
  for (const PlannedInput& input : stage.inputs) {
    Json facts = {{"port", input.port}, {"label", input.label}, {"type", input.type},
                  {"path", ""},         {"digest", ""},         {"facets", Json::object()}};
    if (store && !input.digest.empty()) {
      facts["path"] = store->artifact_path(input.digest).string();
      facts["digest"] = input.digest;
      facts["facets"] = store->artifact(input.digest).facets;
    }
    out.push_back(std::move(facts));
  }
  return out;
}

class Inquiry {
 public:
  explicit Inquiry(const ArtifactStore* store) : store_(store) {}

  void add(PlannedStage& stage) {
    const std::string name = stage.uses.substr(stage.uses.find('.') + 1);
    const Json* described = stage.plugin->stage(name);
    if (described && described->value("check", false))
      ask(stage, *stage.plugin, "check", "stages", name, stage.parameters);
    if (described && described->value("estimate", false))
      ask(stage, *stage.plugin, "estimate", "stages", name, stage.parameters);
    for (const auto& [kind, uses] :
         {std::pair{"steps", &stage.steps}, std::pair{"rewards", &stage.rewards}})
      for (const ItemUse& use : *uses) {
        const std::string item = use.full_name.substr(use.full_name.find('.') + 1);
        const Json* of_item =
            kind == std::string("steps") ? use.plugin->step(item) : use.plugin->reward(item);
        if (of_item && of_item->value("check", false))
          ask(stage, *use.plugin, "check", kind, item, item_parameters(stage, use),
              "'" + use.full_name + "': ", use.parameter + "[" + std::to_string(use.index) + "]");
      }
  }

  const std::vector<Wanted>& list() const { return list_; }

 private:
  void ask(PlannedStage& stage, const PluginFile& plugin, const char* what, const char* kind,
           const std::string& name, const Json& parameters, const std::string& subject = {},
           const std::string& path = {}) {
    Json question = {{"ask", what}, {"kind", kind}, {"name", name}, {"parameters", parameters}};
    if (what == std::string("estimate")) question["inputs"] = input_facts(stage, store_);
    const std::string code = code_of(stage, plugin);
    Sha256 key;
    key.update(code + question.dump());
    list_.push_back({{fs::absolute(plugin.path), std::move(question), code},
                     key.hex(),
                     &stage,
                     subject,
                     path,
                     plugin.name});
  }

  const ArtifactStore* store_;
  std::vector<Wanted> list_;
};

// Where the pipeline gives the parameter at `path`, or the first one inside it; null: nowhere.
const Origin* place_of(const PlannedStage& stage, const std::string& path) {
  for (const WrittenParameter& parameter : stage.written)
    if (parameter.path.starts_with(path) &&
        (parameter.path.size() == path.size() || parameter.path[path.size()] == '.' ||
         parameter.path[path.size()] == '['))
      return &parameter.origin;
  return nullptr;
}

// The place that a refusal is about: a step or reward, the parameter whose path it begins with
// ("total: ..."), or the stage.
const Origin& place_of(const Wanted& wanted, const std::string& error) {
  const std::string path =
      wanted.path.empty() ? error.substr(0, std::min(error.find(": "), error.size())) : wanted.path;
  const Origin* place = path.empty() ? nullptr : place_of(*wanted.stage, path);
  return place ? *place : wanted.stage->origin;
}

void heed(const Wanted& wanted, const PluginAnswer& answer, bool& broken,
          Diagnostics& diagnostics) {
  PlannedStage& stage = *wanted.stage;
  if (is_estimate(wanted)) {  // a failure is shown, and stops nothing
    stage.estimate = answer.error.empty() ? answer.estimate : Json{{"error", answer.error}};
    return;
  }
  if (answer.error.empty()) return;
  broken = broken || answer.broken;
  std::string message = "stage '" + stage.id + "': " + wanted.subject;
  if (answer.broken)
    message += "its parameters could not be checked: plugin '" + wanted.plugin + "': ";
  diagnostics.error(place_of(wanted, answer.error), message + answer.error);
}

}  // namespace

bool take_advice(Plan& plan, Advice wanted, const ArtifactStore* store, const fs::path& host,
                 Diagnostics& diagnostics) {
  Inquiry inquiry(store);
  for (PlannedStage& stage : plan.stages)
    if (stage.state == StageState::run || stage.state == StageState::maybe) inquiry.add(stage);
  if (inquiry.list().empty()) return false;

  KeptAnswers kept(store ? store->root() / "cache" / "plugin-answers.json" : fs::path());
  std::map<std::string, PluginAnswer> answers;
  std::vector<PluginQuestion> open;
  std::vector<std::string> open_keys;
  for (const Wanted& one : inquiry.list()) {
    if (answers.contains(one.key)) continue;
    if (const Json* known = kept.find(one.key)) {
      answers[one.key] = {known->value("error", ""), false, known->value("estimate", Json())};
    } else if (!is_estimate(one) || wanted == Advice::rules_and_estimates) {
      answers[one.key] = {};
      open.push_back(one.question);
      open_keys.push_back(one.key);
    }
  }
  const std::vector<PluginAnswer> given = ask_plugins(open, host);
  for (std::size_t i = 0; i < given.size(); ++i) {
    answers[open_keys[i]] = given[i];
    kept.add(open_keys[i], given[i]);
  }
  kept.save();
  bool broken = false;
  for (const Wanted& one : inquiry.list())
    if (const auto answer = answers.find(one.key); answer != answers.end())
      heed(one, answer->second, broken, diagnostics);
  return broken;
}

}  // namespace lehr::runtime
