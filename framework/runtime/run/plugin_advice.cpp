#include "runtime/run/plugin_advice.h"

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "runtime/run/plugin_questions.h"
#include "runtime/store/durable_file.h"
#include "runtime/store/sha256.h"

namespace lehr::runtime {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMostAnswers = 4096;  // kept; more than that are begun anew

// Answers of earlier plans, by the SHA-256 of code, the files that it may look at, and question. A
// cache: losing it costs time only.
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
  std::optional<PluginAnswer> find(const std::string& key) const {
    const auto found = answers_.find(key);
    if (found == answers_.end() || !found->is_object()) return {};
    return PluginAnswer{found->value("error", ""), false, found->value("estimate", Json()),
                        found->value("outputs", Json())};
  }
  void add(const std::string& key, const PluginAnswer& answer) {
    if (answer.broken) return;  // it may be the machine's fault
    if (answers_.size() >= kMostAnswers) answers_ = Json::object();
    answers_[key] = {{"error", answer.error}, {"estimate", answer.estimate}};
    if (!answer.outputs.is_null()) answers_[key]["outputs"] = answer.outputs;
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

bool offers(const PlannedStage& stage, const char* what) {
  const Json* described = stage.plugin->stage(stage.uses.substr(stage.uses.find('.') + 1));
  return described && described->value(what, false);
}

// Stages that are asked together: in data-flow order, as an estimate makes use of what those before
// it tell of its inputs.
std::vector<std::vector<PlannedStage*>> rounds(Plan& plan) {
  std::vector<std::vector<PlannedStage*>> out(1);
  std::unordered_map<std::string_view, std::size_t> next;  // round after that of a stage
  for (PlannedStage& stage : plan.stages) {
    if (stage.state != StageState::run && stage.state != StageState::maybe) continue;
    std::size_t round = 0;
    if (offers(stage, "estimate")) {
      for (const PlannedInput& input : stage.inputs)
        if (const auto maker = next.find(input.from_stage); maker != next.end())
          round = std::max(round, maker->second);
      next[stage.id] = round + 1;
    }
    if (out.size() <= round) out.resize(round + 1);
    out[round].push_back(&stage);
  }
  return out;
}

// Starts the plugins that are asked now, and of estimates those that are asked once these have told
// of their outputs, so that all load at one time.
void start_plugins(const Plan& plan, const std::vector<Wanted>& now, PluginHosts& hosts) {
  std::unordered_set<std::string_view> asked;
  for (const Wanted& one : now) {
    hosts.start(one.question.plugin, one.question.code);
    if (is_estimate(one)) asked.insert(one.stage->id);
  }
  for (const PlannedStage& stage : plan.stages)
    if ((stage.state == StageState::run || stage.state == StageState::maybe) &&
        std::any_of(stage.inputs.begin(), stage.inputs.end(),
                    [&](const PlannedInput& in) { return asked.contains(in.from_stage); }) &&
        offers(stage, "estimate") && asked.insert(stage.id).second)
      hosts.start(fs::absolute(stage.plugin->path), code_of(stage, *stage.plugin));
}

class Inquiry {
 public:
  Inquiry(const Plan& plan, const ArtifactStore* store) : store_(store) {
    for (const PlannedStage& stage : plan.stages) stages_[stage.id] = &stage;
  }

  std::vector<Wanted> about(PlannedStage& stage) {
    list_.clear();
    const std::string name = stage.uses.substr(stage.uses.find('.') + 1);
    for (const char* what : {"check", "check_inputs", "estimate"})
      if (offers(stage, what)) ask(stage, *stage.plugin, what, "stages", name, stage.parameters);
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
    return std::move(list_);
  }

 private:
  void ask(PlannedStage& stage, const PluginFile& plugin, const char* what, const char* kind,
           const std::string& name, const Json& parameters, const std::string& subject = {},
           const std::string& path = {}) {
    Json question = {{"ask", what}, {"kind", kind}, {"name", name}, {"parameters", parameters}};
    const std::string code = code_of(stage, plugin);
    std::string basis = code;
    if (what == std::string("check_inputs")) question["inputs"] = connections(stage);
    if (what == std::string("estimate")) question["inputs"] = input_facts(stage);
    for (const KeyPart& part : stage.static_parts)  // files that it may look at
      if (part.name.starts_with("content.")) basis += part.name + part.value;
    Sha256 key;
    key.update(basis + question.dump());
    list_.push_back({{fs::absolute(plugin.path), std::move(question), code},
                     key.hex(),
                     &stage,
                     subject,
                     path,
                     plugin.name});
  }

  // What is known of inputs whatever becomes of the stages that make them.
  static Json connections(const PlannedStage& stage) {
    Json out = Json::array();
    for (const PlannedInput& input : stage.inputs)
      out.push_back(
          {{"port", input.port}, {"label", label_for_stage(input)}, {"type", input.type}});
    return out;
  }

  Json input_facts(const PlannedStage& stage) const {
    Json out = Json::array();
    for (const PlannedInput& input : stage.inputs) {
      Json facts = {{"port", input.port}, {"label", label_for_stage(input)},
                    {"type", input.type}, {"path", ""},
                    {"digest", ""},       {"facets", Json::object()}};
      if (store_ && !input.digest.empty()) {
        facts["path"] = store_->artifact_path(input.digest).string();
        facts["digest"] = input.digest;
        facts["facets"] = store_->artifact(input.digest).facets;
      } else if (const Json* told = told_of(input)) {
        facts["facts"] = *told;
      }
      out.push_back(std::move(facts));
    }
    return out;
  }

  // What the stage that makes an input tells of it; null: nothing.
  const Json* told_of(const PlannedInput& input) const {
    for (const PlannedOutput& output : stages_.at(input.from_stage)->outputs)
      if (output.port == input.from_port && !output.facts.is_null()) return &output.facts;
    return nullptr;
  }

  const ArtifactStore* store_;
  std::unordered_map<std::string_view, const PlannedStage*> stages_;
  std::vector<Wanted> list_;
};

// Where the pipeline gives the parameter at `path`, or the first one inside it, or connects the
// input of that name; null: nowhere.
const Origin* place_of(const PlannedStage& stage, const std::string& path) {
  for (const WrittenParameter& parameter : stage.written)
    if (parameter.path.starts_with(path) &&
        (parameter.path.size() == path.size() || parameter.path[path.size()] == '.' ||
         parameter.path[path.size()] == '['))
      return &parameter.origin;
  for (const PlannedInput& input : stage.inputs)
    if (input.port == path) return &input.origin;
  return nullptr;
}

// The place that a refusal is about: a step or reward, the parameter whose path or the input whose
// name it begins with ("total: ..."), or the stage.
const Origin& place_of(const Wanted& wanted, const std::string& error) {
  const std::string path =
      wanted.path.empty() ? error.substr(0, std::min(error.find(": "), error.size())) : wanted.path;
  const Origin* place = path.empty() ? nullptr : place_of(*wanted.stage, path);
  return place ? *place : wanted.stage->origin;
}

// What a refusal says of each rule: a line, with those below it that are indented.
std::vector<std::string> lines(const std::string& refusal) {
  std::vector<std::string> out;
  std::istringstream text(refusal);
  for (std::string line; std::getline(text, line);)
    if (!out.empty() && line.starts_with(' '))
      out.back() += "\n" + line;
    else if (!line.empty())
      out.push_back(line);
  return out;
}

void heed(const Wanted& wanted, const PluginAnswer& answer, bool& broken,
          Diagnostics& diagnostics) {
  PlannedStage& stage = *wanted.stage;
  if (is_estimate(wanted)) {  // a failure is shown, and stops nothing
    stage.estimate = answer.error.empty() ? answer.estimate : Json{{"error", answer.error}};
    for (PlannedOutput& output : stage.outputs)
      if (answer.outputs.contains(output.port)) output.facts = answer.outputs[output.port];
    return;
  }
  if (answer.error.empty()) return;
  broken = broken || answer.broken;
  std::string message = "stage '" + stage.id + "': " + wanted.subject;
  if (answer.broken)
    message += "its parameters could not be checked: plugin '" + wanted.plugin + "': ";
  for (const std::string& rule : answer.broken ? std::vector{answer.error} : lines(answer.error))
    diagnostics.error(place_of(wanted, rule), message + rule);
}

}  // namespace

bool take_advice(Plan& plan, Advice wanted, const ArtifactStore* store, const fs::path& host,
                 Diagnostics& diagnostics) {
  std::optional<KeptAnswers> kept;
  std::optional<PluginHosts> hosts;
  Inquiry inquiry(plan, store);
  bool broken = false;
  std::vector<Wanted> open;
  const auto ask = [&] {
    std::map<std::string, PluginAnswer> answers;  // the same question may be open more than once
    std::vector<PluginQuestion> questions;
    std::vector<PluginAnswer*> places;
    for (const Wanted& one : open)
      if (const auto [place, first] = answers.try_emplace(one.key); first) {
        questions.push_back(one.question);
        places.push_back(&place->second);
      }
    if (!hosts) start_plugins(plan, open, hosts.emplace(host));
    const std::vector<PluginAnswer> given = hosts->ask(questions);
    for (std::size_t i = 0; i < given.size(); ++i) *places[i] = given[i];
    for (const auto& [key, answer] : answers) kept->add(key, answer);
    for (const Wanted& one : open) heed(one, answers[one.key], broken, diagnostics);
    open.clear();
  };
  for (const std::vector<PlannedStage*>& round : rounds(plan)) {
    for (PlannedStage* stage : round)
      for (Wanted& one : inquiry.about(*stage)) {
        if (!kept)
          kept.emplace(store ? store->root() / "cache" / "plugin-answers.json" : fs::path());
        if (const std::optional<PluginAnswer> known = kept->find(one.key))
          heed(one, *known, broken, diagnostics);
        else if (!is_estimate(one) || wanted == Advice::rules_and_estimates)
          open.push_back(std::move(one));
      }
    if (wanted == Advice::rules_and_estimates && !open.empty()) ask();
  }
  if (!open.empty()) ask();
  if (kept) kept->save();
  return broken;
}

}  // namespace lehr::runtime
