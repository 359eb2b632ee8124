// Connects inputs to outputs: finds what a reference names, and checks ports and artifact types.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <unordered_map>

#include "runtime/config/suggestion.h"
#include "runtime/plan/draft.h"
#include "runtime/plan/stage_name.h"
#include "runtime/plugin/described.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;
using described::is_set;
using described::member;

std::string joined(const std::vector<std::string>& names, const char* last = " and ") {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i)
    out += (i == 0                  ? "'"
            : i + 1 == names.size() ? std::string(last) + "'"
                                    : std::string(", '")) +
           names[i] + "'";
  return out;
}

std::vector<std::string> names(const Json& ports) {
  std::vector<std::string> out;
  for (const Json& port : ports) out.push_back(member(port, "name"));
  return out;
}

std::vector<std::string> output_names(const Draft& draft) {
  std::vector<std::string> out;
  for (const PlannedOutput& output : draft.stage.outputs) out.push_back(output.port);
  return out;
}

class Connector {
 public:
  Connector(const std::vector<Draft>& drafts, Diagnostics& diagnostics)
      : drafts_(drafts), diagnostics_(diagnostics) {
    for (std::size_t i = 0; i < drafts.size(); ++i) {
      by_id_[drafts[i].config->id] = i;
      by_base_[drafts[i].config->base].push_back(i);
    }
  }

  // The stages a reference names (several: all variants of a matrix), and the output it names, if
  // it does.
  std::vector<std::size_t> find(const Reference& reference, const std::string& owner,
                                std::string& port) const {
    port.clear();
    if (auto found = stages_named(reference.text); !found.empty()) return found;
    // "dpo@beta=0.3" ends in no output.
    const bool variant = by_base_.contains(reference.text.substr(0, reference.text.find('@')));
    const std::size_t dot = reference.text.rfind('.');
    std::string stage = reference.text.substr(0, dot);
    if (dot != std::string::npos) {
      port = reference.text.substr(dot + 1);
      if (auto found = stages_named(stage); !found.empty()) return found;
    }
    if (variant) stage = reference.text;
    unknown(stage, reference.origin, owner);
    return {};
  }

  // The output of `draft` that is meant; null if that is a mistake (reported) or cannot be known.
  const PlannedOutput* output(const Draft& draft, const std::string& port, const std::string& type,
                              const Reference& reference, const std::string& owner) const {
    if (!draft.described) return nullptr;
    const auto& outputs = draft.stage.outputs;
    const std::string stage = "'" + draft.config->id + "'";
    if (!port.empty()) {
      for (const PlannedOutput& o : outputs)
        if (o.port == port) return &o;
      diagnostics_.error(reference.origin, owner + "stage " + stage + " (" + draft.stage.uses +
                                               ") has no output '" + port + "'." +
                                               suggestion(port, output_names(draft)));
      return nullptr;
    }
    if (outputs.size() == 1) return &outputs[0];
    std::vector<std::string> fitting;
    const PlannedOutput* fit = nullptr;
    for (const PlannedOutput& o : outputs)
      if (o.type == type) fit = &o, fitting.push_back(draft.config->id + "." + o.port);
    if (fitting.size() == 1) return fit;
    std::vector<std::string> all;
    for (const PlannedOutput& o : outputs) all.push_back(draft.config->id + "." + o.port);
    const std::string what = outputs.empty() ? " has no outputs"
                             : fitting.empty() && !type.empty()
                                 ? " makes no " + type + "; its outputs are " + joined(all)
                                 : " has several outputs; name one of " +
                                       joined(fitting.empty() ? all : fitting, " or ");
    diagnostics_.error(reference.origin, owner + "stage " + stage + what);
    return nullptr;
  }

  void stage(Draft& draft) const {
    if (!draft.described) return;
    const std::size_t before = diagnostics_.size();
    const Json& ports = (*draft.described)["inputs"];
    const auto declared = [&](std::string_view name) {
      const auto found = std::find_if(ports.begin(), ports.end(), [&](const Json& port) {
        return member(port, "name") == name;
      });
      return found == ports.end() ? nullptr : &*found;
    };
    const Json* any = declared("*");  // takes everything under every other name
    std::vector<Json> more;
    for (const InputConfig& input : draft.config->inputs)
      if (const Json* port = declared(input.port); port && port != any)
        continue;
      else if (any != nullptr)
        (more.emplace_back(*any)["name"] = input.port, more.back().erase("type"));
      else
        diagnostics_.error(input.origin, "stage '" + draft.config->base + "': " + draft.stage.uses +
                                             " has no input '" + input.port + "'." +
                                             suggestion(input.port, names(ports)));
    for (const Json& port : ports)
      if (&port != any) connect_port(draft, port);
    for (const Json& port : more) connect_port(draft, port);
    if (diagnostics_.size() == before) check_labels(draft);
    other_results(draft, draft.config->require, draft.stage.gates, true);
    other_results(draft, draft.config->when, draft.stage.conditions, false);
  }

 private:
  std::vector<std::size_t> stages_named(const std::string& name) const {
    if (const auto one = by_id_.find(name); one != by_id_.end()) return {one->second};
    const auto variants = by_base_.find(std::string(base_name(name)));
    if (variants == by_base_.end()) return {};
    // "dpo" means the variants that are wanted, if any is; "dpo@seed=2" those that are so.
    std::vector<std::size_t> meant, wanted;
    for (const std::size_t i : variants->second)
      if (means_stage(name, drafts_[i].config->id)) meant.push_back(i);
    for (const std::size_t i : meant)
      if (drafts_[i].config->unwanted.empty()) wanted.push_back(i);
    return wanted.empty() ? meant : wanted;
  }

  // "judge:eval/accuracy": the stage before the colon, which has to come first. own: it may be the
  // stage itself.
  void other_results(Draft& draft, const std::vector<RequireConfig>& written,
                     std::vector<Gate>& gates, bool own) const {
    for (std::size_t i = 0; i < written.size(); ++i) {
      const std::string& name = written[i].stage;
      if (name.empty()) continue;
      gates[i].stage.clear();
      const std::string owner = "stage '" + draft.config->base + "': ";
      const std::vector<std::size_t> found = stages_named(name);
      if (name == draft.config->base || (found.size() == 1 && &drafts_[found[0]] == &draft)) {
        if (!own)
          diagnostics_.error(written[i].origin,
                             owner + "when '" + name + ":" + written[i].metric +
                                 "': its own results are there only once it has run. Name those of "
                                 "another stage, or write a gate: 'require'");
        continue;
      }
      if (found.empty()) unknown(name, written[i].origin, owner);
      if (found.size() > 1) {
        // "train:loss@seed=1": the variant stands behind the stage's name, as everywhere.
        const std::string& metric = written[i].metric;
        const std::size_t at = std::min(metric.find('@'), metric.size());
        const std::vector<std::size_t> meant = stages_named(name + metric.substr(at));
        const bool misplaced = at < metric.size() && !meant.empty();
        diagnostics_.error(written[i].origin,
                           owner + "'" + name + "' has a matrix. Choose one variant, as in '" +
                               drafts_[(misplaced ? meant : found)[0]].config->id + ":" +
                               (misplaced ? metric.substr(0, at) : metric) + "'");
      }
      if (found.size() != 1) continue;
      gates[i].stage = drafts_[found[0]].config->id;
      draft.after.push_back({found[0], written[i].origin});
    }
  }

  void unknown(const std::string& stage, const Origin& origin, const std::string& owner) const {
    // Of more than a person is shown, no one wants to know what was meant; to find it out for each
    // of thousands would take minutes.
    constexpr std::size_t kMostSuggestions = 200;
    std::vector<std::string> known;
    if (++unknown_ > kMostSuggestions)
      return void(diagnostics_.error(origin, owner + "there is no stage '" + stage + "'"));
    for (const Draft& draft : drafts_) {
      if (stage.find('@') != std::string::npos) known.push_back(draft.config->id);
      if (known.empty() || known.back() != draft.config->base) known.push_back(draft.config->base);
    }
    diagnostics_.error(origin,
                       owner + "there is no stage '" + stage + "'." + suggestion(stage, known, 6));
  }

  void connect_port(Draft& draft, const Json& port) const {
    const std::string name = member(port, "name"), type = member(port, "type");
    const std::string owner = "stage '" + draft.config->base + "': input '" + name + "': ";
    const auto& inputs = draft.config->inputs;
    const auto given =
        std::find_if(inputs.begin(), inputs.end(), [&](const auto& i) { return i.port == name; });
    if (given == inputs.end()) {
      const bool mistyped = std::any_of(inputs.begin(), inputs.end(), [&](const auto& i) {
        return nearest_name(i.port, {name}) == name;
      });
      if (!is_set(port, "optional") && !mistyped && draft.config->inputs_known)
        missing(draft, name, type, member(port, "help"));
      return;
    }
    const bool list = is_set(port, "list");
    if (given->is_list && !list) {
      diagnostics_.error(given->origin, owner + "it takes one artifact, not a list");
      return;
    }
    if (list && given->is_list && given->references.empty() && !is_set(port, "optional"))
      diagnostics_.error(given->origin, owner + "the list is empty");
    std::set<std::pair<std::size_t, std::string>> seen;
    for (const Reference& reference : given->references) {
      std::string output_name;
      const std::vector<std::size_t> producers = find(reference, owner, output_name);
      if (producers.size() > 1 && !list) {
        std::vector<std::string> variants;
        for (std::size_t p = 0; p < producers.size() && p < 6; ++p)
          variants.push_back(drafts_[producers[p]].config->id);
        const bool part = reference.text.find('@') != std::string::npos;
        diagnostics_.error(reference.origin, owner + "it takes one artifact, and '" +
                                                 reference.text + "' " +
                                                 (part ? "fits several variants" : "has a matrix") +
                                                 ". Choose one of " + joined(variants, " or "));
        continue;
      }
      for (const std::size_t producer : producers) {
        const PlannedOutput* output =
            this->output(drafts_[producer], output_name, type, reference, owner);
        if (!output) continue;
        if (!type.empty() && output->type != type) {
          wrong_type(owner, type, drafts_[producer], *output, reference);
        } else if (!seen.emplace(producer, output->port).second) {
          diagnostics_.error(reference.origin, owner + "'" + reference.text + "' is named twice");
        } else {
          add(draft, port, producer, *output, reference);
        }
      }
    }
  }

  void add(Draft& draft, const Json& port, std::size_t producer, const PlannedOutput& output,
           const Reference& reference) const {
    PlannedInput input;
    input.port = member(port, "name");
    input.from_stage = drafts_[producer].config->id;
    if (is_set(port, "list")) input.label = input.from_stage;
    input.from_port = output.port;
    input.type = output.type;
    input.facets = described::facets(port, draft.stage.parameters);
    input.self = member(port, "self");
    input.where = reference.origin.text();
    input.origin = reference.origin;
    draft.stage.inputs.push_back(std::move(input));
    draft.inputs.push_back({producer, reference.origin});
  }

  // Parameters that name what is connected: each label is connected, and each connected one named.
  void check_labels(const Draft& draft) const {
    const std::string owner = "stage '" + draft.config->base + "': ";
    const std::size_t before = diagnostics_.size();
    std::map<std::string, const BoundParameters::Label*> lists;  // by input: one that names it
    for (const auto& label : draft.labels) {
      std::vector<std::string> connected;
      for (const PlannedInput& input : draft.stage.inputs)
        if (input.port == label.input) connected.push_back(input.label);
      if (std::find(connected.begin(), connected.end(), label.text) == connected.end())
        diagnostics_.error(label.origin, owner + "parameter '" + label.path + "': '" + label.text +
                                             "' is not connected to input '" + label.input + "'." +
                                             suggestion(label.text, connected));
      else
        lists.emplace(label.input, &label);
    }
    if (lists.empty() || diagnostics_.size() != before) return;
    for (std::size_t i = 0; i < draft.stage.inputs.size(); ++i) {
      const PlannedInput& input = draft.stage.inputs[i];
      const auto list = lists.find(input.port);
      const auto names = [&](const auto& label) {
        return label.input == input.port && label.text == input.label;
      };
      if (list == lists.end() || std::any_of(draft.labels.begin(), draft.labels.end(), names))
        continue;
      const std::string parameter = list->second->path.substr(0, list->second->path.find('['));
      diagnostics_
          .error(draft.inputs[i].origin, owner + "input '" + input.port + "': '" + input.label +
                                             "' is connected, but '" + parameter +
                                             "' does not name it. Name it there, or leave it out")
          .notes.push_back({list->second->origin, "'" + parameter + "' is given here"});
    }
  }

  void wrong_type(const std::string& owner, const std::string& type, const Draft& producer,
                  const PlannedOutput& output, const Reference& reference) const {
    std::string hint;
    for (const PlannedOutput& o : producer.stage.outputs)
      if (o.type == type) hint = ". Did you mean '" + producer.config->id + "." + o.port + "'?";
    diagnostics_
        .error(reference.origin, owner + "it takes " + type + ", but '" + producer.config->id +
                                     "." + output.port + "' is " + output.type + hint)
        .notes.push_back({producer.config->origin, "stage '" + producer.config->base + "' (" +
                                                       producer.stage.uses + ") is declared here"});
  }

  void missing(const Draft& draft, const std::string& name, const std::string& type,
               const std::string& help) const {
    std::vector<std::string> candidates;
    bool all_known = true;
    for (const Draft& other : drafts_) {
      all_known = all_known && other.described;
      for (const PlannedOutput& o : other.stage.outputs)
        if (o.type == type && &other != &draft && candidates.size() < 4)
          candidates.push_back(other.config->id + "." + o.port);
    }
    std::string message =
        "stage '" + draft.config->base + "': input '" + name + "' (" + type + ") is missing";
    if (!help.empty()) message += ": " + help;
    if (!candidates.empty())
      message += ". It could come from " + joined(candidates, " or ");
    else if (all_known)
      message += ". No stage of the pipeline makes " + type;
    diagnostics_.error(draft.config->origin, message);
  }

  const std::vector<Draft>& drafts_;
  Diagnostics& diagnostics_;
  mutable std::size_t unknown_ = 0;  // references so far
  std::unordered_map<std::string, std::size_t> by_id_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_base_;
};

}  // namespace

void connect(std::vector<Draft>& drafts, Diagnostics& diagnostics) {
  const Connector connector(drafts, diagnostics);
  for (Draft& draft : drafts) connector.stage(draft);
}

std::vector<PipelineOutput> resolve_outputs(const std::vector<Draft>& drafts,
                                            const std::vector<OutputConfig>& outputs,
                                            Diagnostics& diagnostics) {
  if (outputs.empty()) return {};
  const Connector connector(drafts, diagnostics);
  std::map<std::filesystem::path, const OutputConfig*> by_folder;
  for (const OutputConfig& output : outputs) by_folder.emplace(output.to, &output);
  std::vector<PipelineOutput> out;
  for (const OutputConfig& output : outputs) {
    const std::string owner = "output '" + output.name + "': ";
    const Origin& origin = output.reference.origin;
    for (std::filesystem::path folder = output.to; folder.has_relative_path();
         folder = folder.parent_path()) {
      const auto other = by_folder.find(folder);
      if (other == by_folder.end() || other->second == &output) continue;
      diagnostics.error(origin, owner + "it goes to '" + output.to.string() + "', " +
                                    (folder == output.to ? "as" : "inside the folder of") +
                                    " output '" + other->second->name +
                                    "'. Name another folder with 'to'");
      break;
    }
    std::string port;
    const auto found = connector.find(output.reference, owner, port);
    if (found.size() > 1)
      diagnostics.error(origin, owner + "'" + output.reference.text +
                                    "' has a matrix. Choose one variant, as in '" +
                                    drafts[found[0]].config->id + (port.empty() ? "" : "." + port) +
                                    "'");
    if (found.size() != 1) continue;
    const Draft& draft = drafts[found[0]];
    if (const PlannedOutput* made = connector.output(draft, port, "", output.reference, owner))
      out.push_back(
          {output.name, draft.stage.id, made->port, origin.text(), output.to, output.link});
  }
  return out;
}

}  // namespace lehr::runtime
