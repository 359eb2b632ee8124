#include "completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>

#include "command.h"
#include "runtime/config/config_tree.h"
#include "runtime/config/pipeline.h"
#include "runtime/report/run_record.h"
#include "starter.h"

namespace lehr::cli {
namespace {

namespace fs = std::filesystem;
using Candidates = std::vector<Candidate>;

std::vector<const CLI::App*> subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// The command line up to the word being typed.
struct Typed {
  const CLI::App* command;
  std::vector<std::string> positionals;
  std::map<std::string, std::string> values;  // of options: "--store" -> "x"
  const CLI::Option* pending = nullptr;       // the option whose value is being typed
};

Typed read_words(const CLI::App& app, const std::vector<std::string>& words, std::size_t at) {
  Typed out{&app, {}, {}, nullptr};
  for (std::size_t i = 1; i < std::min(at, words.size()); ++i) {
    const std::string& word = words[i];
    if (out.pending) {
      out.values[out.pending->get_single_name()] = word;
      out.pending = nullptr;
      continue;
    }
    if (word.size() > 1 && word[0] == '-') {
      const std::size_t equals = word.find('=');
      const CLI::Option* option = out.command->get_option_no_throw(word.substr(0, equals));
      if (!option || !takes_value(*option)) continue;
      if (equals == std::string::npos)
        out.pending = option;
      else
        out.values[option->get_single_name()] = word.substr(equals + 1);
      continue;
    }
    const auto commands = subcommands(*out.command);
    const auto found = std::find_if(commands.begin(), commands.end(),
                                    [&](const CLI::App* c) { return c->get_name() == word; });
    if (found != commands.end() && out.positionals.empty())
      out.command = *found;
    else
      out.positionals.push_back(word);
  }
  return out;
}

std::vector<const CLI::Option*> positional_options(const CLI::App& command) {
  return command.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

// ---- what the values are taken from ----

// Files whose name ends as said (empty: any), and folders with '/' behind, to go on from there.
Candidates files(const std::string& typed, const std::vector<std::string>& endings,
                 bool only_folders = false) {
  const std::size_t slash = typed.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : typed.substr(0, slash + 1);
  const std::string begin = typed.substr(folder.size());
  Candidates out;
  std::error_code error;
  for (fs::directory_iterator it(folder.empty() ? "." : folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with(begin) || (name[0] == '.' && begin.empty())) continue;
    std::error_code ignored;
    const bool wanted = endings.empty() ||
                        std::any_of(endings.begin(), endings.end(), [&](const std::string& ending) {
                          return name.ends_with(ending);
                        });
    if (it->is_directory(ignored))
      out.push_back({folder + name + "/", ""});
    else if (!only_folders && wanted)
      out.push_back({folder + name, ""});
  }
  return out;
}

Options options_of(const Typed& typed) {
  Options options;
  const auto value = [&](const char* name) {
    const auto found = typed.values.find(name);
    return found == typed.values.end() ? std::string() : found->second;
  };
  options.store = value("store");
  if (const std::string folder = value("plugin-path"); fs::is_directory(folder))
    options.plugin_paths.push_back(folder);
  const auto positionals = positional_options(*typed.command);
  for (std::size_t i = 0; i < std::min(positionals.size(), typed.positionals.size()); ++i)
    if (positionals[i]->get_single_name() == "PIPELINE") options.pipeline = typed.positionals[i];
  return options;
}

runtime::Pipeline pipeline_of(const Options& options) {
  runtime::Diagnostics mistakes;  // a pipeline with mistakes still has stages
  return options.pipeline.empty() ? runtime::Pipeline()
                                  : runtime::load_pipeline(options.pipeline, {}, mistakes);
}

std::optional<runtime::RunRecord> newest_run(const Options& options) {
  const fs::path store = store_folder(options);
  for (const auto& run : runtime::list_runs(store)) try {
      return runtime::read_run(store, run);
    } catch (const std::exception&) {
    }
  return std::nullopt;
}

// Of the pipeline given, else of the newest run.
Candidates stages(const Options& options) {
  Candidates out;
  for (const auto& stage : pipeline_of(options).stages) out.push_back({stage.id, stage.uses});
  if (options.pipeline.empty())
    if (const auto run = newest_run(options))
      for (const auto& stage : run->stages) out.push_back({stage.id, stage.status});
  return out;
}

Candidates runs(const Options& options) {
  Candidates out = {{"last", "the newest run"}, {"last~1", "the run before it"}};
  for (const auto& run : runtime::list_runs(store_folder(options)))
    out.push_back({run.id, run.status});
  return out;
}

Candidates artifacts(const Options& options) {
  Candidates out;
  if (const auto run = newest_run(options))
    for (const auto& stage : run->stages) {
      if (stage.outputs.size() == 1) out.push_back({stage.id, "its only output"});
      for (const auto& [port, digest] : stage.outputs)
        out.push_back({stage.id + "." + port, digest.substr(0, 12)});
    }
  return out;
}

// Also folders and files, for models that are in no store.
Candidates models(const Options& options, const std::string& begin) {
  Candidates out = artifacts(options);
  for (Candidate& file : files(begin, {".gguf"})) out.push_back(std::move(file));
  return out;
}

Candidates plugins(const Options& options) {
  Candidates out;
  const auto registry = load_plugins(options, fs::current_path());
  for (const auto& [name, plugin] : registry->plugins()) {
    out.push_back({name, plugin.description.value("summary", "")});
    for (const char* kind : {"stages", "steps", "rewards"})
      if (plugin.description.contains(kind))
        for (const auto& item : plugin.description[kind])
          out.push_back({name + "." + item.value("name", ""), item.value("summary", "")});
  }
  return out;
}

// "vars.model.width=" of a map in which `path` leads to it.
void add_variables(const std::string& path, const runtime::Node& map, Candidates& out) {
  for (const runtime::Entry& entry : map.entries)
    if (entry.value->is_map())
      add_variables(path + entry.key + ".", *entry.value, out);
    else
      out.push_back({path + entry.key + "=", entry.value->text});
}

// stages.base.with.lr=: the paths that --set takes, as far as the words go.
Candidates set_paths(const Options& options) {
  Candidates out = {
      {"seed=", ""}, {"resources.threads=", ""}, {"resources.device=", "cpu, cuda or auto"}};
  if (options.pipeline.empty()) return out;
  runtime::Diagnostics mistakes;
  if (const auto root = runtime::load_config_tree(options.pipeline, {}, mistakes))
    if (const runtime::Entry* vars = root->find("vars")) add_variables("vars.", *vars->value, out);
  const auto pipeline = pipeline_of(options);
  const auto registry = load_plugins(options, fs::absolute(options.pipeline).parent_path());
  std::string base;
  for (const auto& stage : pipeline.stages) {
    if (stage.base == base) continue;
    base = stage.base;
    out.push_back({"stages." + base + ".retries=", "attempts after one that failed"});
    out.push_back({"stages." + base + ".timeout=", "of one attempt: 90s, 30m"});
    const auto item = registry->stage(stage.uses);
    if (!item) continue;
    for (const auto& parameter : (*item->item)["parameters"])
      out.push_back({"stages." + base + ".with." + parameter.value("name", "") + "=",
                     parameter.value("help", "")});
  }
  return out;
}

Candidates recipe_names() {
  Candidates out;
  for (const auto& [name, text] : recipes()) out.push_back({name, ""});
  return out;
}

// "{text,json}" of an option that takes one of a few values.
Candidates choices(const std::string& type) {
  Candidates out;
  const std::size_t open = type.find('{'), close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return out;
  for (std::size_t at = open + 1; at < close;) {
    const std::size_t end = std::min(type.find(',', at), close);
    out.push_back({type.substr(at, end - at), ""});
    at = end + 1;
  }
  return out;
}

Candidates values(const CLI::Option& option, const Typed& typed, const std::string& begin) {
  const std::string name = option.get_single_name(), type = option.get_type_name();
  if (type.find('{') != std::string::npos) return choices(type);
  const Options options = options_of(typed);
  if (name == "PIPELINE") return files(begin, {".yaml", ".yml"});
  if (name == "MODEL") return models(options, begin);
  if (type == "PATH=VALUE") return set_paths(options);
  if (name == "recipe") return recipe_names();
  const CLI::App* group = typed.command->get_parent();
  if (name == "NAME" && group && (group->get_name() == "store" || group->get_name() == "data"))
    return artifacts(options);
  if (type.find("FOLDER") != std::string::npos) return files(begin, {}, true);
  Candidates out;
  for (const auto& [word, list] :
       std::vector<std::pair<const char*, Candidates (*)(const Options&)>>{
           {"STAGE", stages}, {"RUN", runs}, {"ARTIFACT", artifacts}, {"PLUGIN", plugins}})
    if (name.find(word) != std::string::npos || type.find(word) != std::string::npos)
      for (Candidate& candidate : list(options)) out.push_back(std::move(candidate));
  if (out.empty() && typed.command->get_name() == "show" && name == "NAME") out = plugins(options);
  if (out.empty() && type.find("FILE") != std::string::npos) return files(begin, {});
  return out;
}

Candidates option_names(const CLI::App& command) {
  Candidates out;
  for (const CLI::Option* option :
       command.get_options([](const CLI::Option* o) { return o->nonpositional(); }))
    for (const std::string& name : option->get_lnames())
      out.push_back({"--" + name, option->get_description()});
  return out;
}

}  // namespace

std::vector<Candidate> complete(const CLI::App& app, const std::vector<std::string>& words,
                                std::size_t at) {
  const std::string begin = at < words.size() ? words[at] : "";
  const Typed typed = read_words(app, words, at);
  Candidates found;
  if (typed.pending) {
    found = values(*typed.pending, typed, begin);
  } else if (begin.starts_with("--") && begin.find('=') != std::string::npos) {
    const std::string name = begin.substr(0, begin.find('='));
    if (const CLI::Option* option = typed.command->get_option_no_throw(name))
      for (const Candidate& value : values(*option, typed, begin.substr(name.size() + 1)))
        found.push_back({name + "=" + value.text, value.description});
  } else if (begin.starts_with("-")) {
    found = option_names(*typed.command);
  } else {
    if (typed.positionals.empty())
      for (const CLI::App* command : subcommands(*typed.command))
        if (!command->get_group().empty())
          found.push_back({command->get_name(), command->get_description()});
    const auto positionals = positional_options(*typed.command);
    std::size_t index = typed.positionals.size();
    if (!positionals.empty() && positionals.back()->get_items_expected_max() > 1)
      index = std::min(index, positionals.size() - 1);
    if (index < positionals.size())
      for (Candidate& value : values(*positionals[index], typed, begin))
        found.push_back(std::move(value));
  }
  std::erase_if(found, [&](const Candidate& c) { return !c.text.starts_with(begin); });
  return found;
}

}  // namespace lehr::cli
