#include "runtime/config/pipeline.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>
#include <set>

#include "runtime/config/config_tree.h"
#include "runtime/config/interpolation.h"
#include "runtime/config/key_reader.h"
#include "runtime/config/stage_reader.h"

namespace lehr::runtime {
namespace {

constexpr std::size_t kMostVariants = 1000;

// The base comes first: the readers share it.
struct OwnInterpolation {
  Interpolation interpolation;
};

class PipelineReader : OwnInterpolation, KeyReader {
 public:
  PipelineReader(const NodePtr& root, Diagnostics& diagnostics)
      : OwnInterpolation{Interpolation(vars_of(*root), diagnostics)},
        KeyReader(interpolation, diagnostics),
        stages_(interpolation, diagnostics),
        root_(*root) {}

  void read(Pipeline& pipeline) {
    known_keys(root_, "", kKeys);
    read_version();
    if (const NodePtr name = value(root_, "name")) read_name(*name, pipeline);
    if (const NodePtr seed = value(root_, "seed"))
      stages_.seed(*seed, "", pipeline.seed, pipeline.seed_origin);
    if (const Entry* vars = root_.find("vars");
        vars && !vars->value->is_map() && !vars->value->is_null())
      expected(*vars->value, "", "'vars' expects a map");
    stages_.resources(root_, "", pipeline.resources);
    read_stages(pipeline);
    interpolation_.set_matrix({});
    read_outputs(pipeline);
    interpolation_.check_variables();
  }

 private:
  const std::vector<std::string> kKeys = {"lehr", "name",      "seed",   "extends",
                                          "vars", "resources", "stages", "outputs"};

  static NodePtr vars_of(const Node& root) {
    const Entry* vars = root.find("vars");
    return vars && vars->value->is_map() ? vars->value : nullptr;
  }
  void read_version() {
    const Entry* version = root_.find("lehr");
    if (!version) {
      if (!is_explained(root_, "lehr", kKeys))
        diagnostics_.error(root_.origin,
                           "the file does not say its format. Begin it with 'lehr: 1'");
    } else if (!version->value->is_scalar() || !version->value->plain ||
               version->value->text != "1") {
      expected(*version->value, "",
               "'lehr' is the format of the file and this program knows format 1");
    }
  }
  void read_name(const Node& node, Pipeline& pipeline) {
    if (!node.is_scalar() || !is_identifier(node.text))
      expected(node, "", "'name' expects letters, digits, '_' and '-', a letter first");
    else
      pipeline.name = node.text;
  }
  void read_stages(Pipeline& pipeline) {
    const Entry* stages = root_.find("stages");
    if (!stages) {
      if (!is_explained(root_, "stages", kKeys))
        diagnostics_.error(root_.origin, "the pipeline has no 'stages'");
      return;
    }
    if (!stages->value->is_map() || stages->value->entries.empty()) {
      expected(*stages->value, "", "'stages' expects a map of stages");
      return;
    }
    pipeline.stages.reserve(stages->value->entries.size());
    for (const Entry& entry : stages->value->entries) {
      if (!is_identifier(entry.key))
        diagnostics_.error(entry.origin, "'" + entry.key + "' cannot name a stage: " +
                                             identifier_advice(entry.key));
      if (!entry.value->is_map()) {
        if (entry.value->is_null())
          diagnostics_.error(entry.value->origin,
                             "stage '" + entry.key + "': expected a map with 'uses', got nothing" +
                                 ". To leave the stage out, write {when: false}");
        else
          expected(*entry.value, "stage '" + entry.key + "': ", "expected a map with 'uses'");
        declare(entry, pipeline);
        continue;
      }
      read_variants(entry, pipeline);
    }
  }

  // Of a stage that cannot be read its name alone, for those that refer to it.
  static void declare(const Entry& entry, Pipeline& pipeline) {
    StageConfig stage;
    stage.base = stage.id = entry.key;
    stage.origin = entry.origin;
    pipeline.stages.push_back(std::move(stage));
  }

  // A stage, or one for each combination of its matrix.
  void read_variants(const Entry& entry, Pipeline& pipeline) {
    const std::string where = "stage '" + entry.key + "': ";
    known_keys(*entry.value, where, StageReader::kKeys);
    interpolation_.set_matrix({});
    std::vector<std::pair<Entry, std::vector<NodePtr>>> axes;
    if (entry.value->find("matrix") && !read_matrix(*entry.value, where, axes))
      return declare(entry, pipeline);
    double combinations = 1;  // axes of a few hundred values each are soon more than 2^64
    for (const auto& [axis, values] : axes) combinations *= static_cast<double>(values.size());
    if (combinations > kMostVariants) {
      char shown[32];
      std::snprintf(shown, sizeof shown, combinations < 1e15 ? "%.0f" : "%.3g", combinations);
      diagnostics_.error(entry.value->find("matrix")->origin,
                         where + "the matrix has " + shown + " combinations; at most " +
                             std::to_string(kMostVariants) + " are possible");
      return declare(entry, pipeline);
    }
    const auto variants = static_cast<std::size_t>(combinations);
    std::set<std::string> used;
    for (std::size_t n = 0; n < variants; ++n) {
      StageConfig stage;
      stage.base = stage.id = entry.key;
      stage.origin = entry.origin;
      stage.seed = pipeline.seed;
      stage.seed_origin = pipeline.seed_origin;
      stage.resources.threads = pipeline.resources.threads;
      stage.resources.threads_origin = pipeline.resources.threads_origin;
      std::map<std::string, NodePtr> chosen;
      std::size_t rest = n;
      std::vector<std::string> label(axes.size());
      for (std::size_t a = axes.size(); a-- > 0;) {  // the last axis changes fastest
        const auto& [axis, values] = axes[a];
        const NodePtr& pick = values[rest % values.size()];
        rest /= values.size();
        label[a] = axis.key + "=" + pick->text;
        if (axis.key == "seed") stages_.seed(*pick, where, stage.seed, stage.seed_origin);
        chosen[axis.key] = pick;
      }
      for (std::size_t a = 0; a < label.size(); ++a) stage.id += (a == 0 ? "@" : ",") + label[a];
      interpolation_.set_matrix(std::move(chosen));
      stages_.read(*entry.value, pipeline.resources, stage);
      used.insert(interpolation_.used_matrix().begin(), interpolation_.used_matrix().end());
      pipeline.stages.push_back(std::move(stage));
    }
    for (const auto& [axis, values] : axes)
      if (axis.key != "seed" && !used.contains(axis.key))
        diagnostics_.error(axis.origin, where + "the matrix varies '" + axis.key +
                                            "', but nothing uses it. Write \"${matrix." + axis.key +
                                            "}\" where it belongs");
  }
  // False: there is no telling what its variants would be. What is wrong in an axis is left out of
  // it, so that what else is wrong is found.
  bool read_matrix(const Node& stage, const std::string& where,
                   std::vector<std::pair<Entry, std::vector<NodePtr>>>& axes) {
    const NodePtr matrix = value(stage, "matrix");
    if (!matrix) return false;
    if (!matrix->is_map() || matrix->entries.empty())
      expected(*matrix, where, "'matrix' expects a map of lists, as in {beta: [0.1, 0.3]}");
    for (const Entry& axis : matrix->entries) {
      std::vector<NodePtr> values;
      std::set<std::string> seen;
      if (!is_identifier(axis.key))
        diagnostics_.error(axis.origin, where + "'" + axis.key + "' cannot name a matrix value");
      if (!axis.value->is_list() || axis.value->items.empty())
        expected(*axis.value, where, "matrix '" + axis.key + "' expects a list of values");
      for (const NodePtr& item : axis.value->items) {
        if (!item->is_scalar())
          expected(*item, where, "matrix '" + axis.key + "' expects plain values");
        else if (!seen.insert(item->text).second)
          diagnostics_.error(item->origin,
                             where + "matrix '" + axis.key + "' has '" + item->text + "' twice");
        else
          values.push_back(item);
      }
      if (values.empty()) {  // one of which nothing more is said
        auto unknown = std::make_shared<Node>(*axis.value);
        unknown->bad = true;
        values.push_back(std::move(unknown));
      }
      axes.emplace_back(axis, std::move(values));
    }
    return !axes.empty();
  }

  void read_outputs(Pipeline& pipeline) {
    const NodePtr outputs = value(root_, "outputs");
    if (!outputs || outputs->is_null()) return;
    if (!outputs->is_map())
      return expected(*outputs, "", "'outputs' expects a map, as in {final: dpo}");
    for (const Entry& entry : outputs->entries) {
      OutputConfig output{entry.key, {}, pipeline.file.parent_path() / "outputs" / entry.key};
      if (!is_identifier(entry.key))
        diagnostics_.error(entry.origin, "'" + entry.key + "' cannot name an output: " +
                                             identifier_advice(entry.key));
      else if (read_output(*entry.value, "output '" + entry.key + "': ", output))
        pipeline.outputs.push_back(std::move(output));
    }
    for (OutputConfig& output : pipeline.outputs) {
      output.to = std::filesystem::absolute(output.to).lexically_normal();
      if (!output.to.has_filename()) output.to = output.to.parent_path();  // "models/final/"
    }
  }
  // A reference, or {from, to, mode}.
  bool read_output(const Node& node, const std::string& where, OutputConfig& output) {
    if (!node.is_map()) return stages_.reference(node, where, output.reference);
    const std::vector<std::string> keys = {"from", "to", "mode"};
    known_keys(node, where, keys);
    if (const Entry* to = node.find("to")) {
      if (to->value->is_scalar() && !to->value->text.empty())
        output.to = to->value->folder() / to->value->text;
      else
        expected(*to->value, where, "'to' expects the path of a folder");
    }
    if (const Entry* mode = node.find("mode")) {
      const std::string text = mode->value->is_scalar() ? mode->value->text : "";
      output.link = text == "link";
      if (text != "link" && text != "copy")
        expected(*mode->value, where, "'mode' expects copy or link");
    }
    if (const Entry* from = node.find("from"))
      return stages_.reference(*from->value, where, output.reference);
    if (!is_explained(node, "from", keys))
      diagnostics_.error(node.origin, where + "'from' is missing: the stage whose output it is");
    return false;
  }

  StageReader stages_;
  const Node& root_;
};

}  // namespace

Pipeline load_pipeline(const std::filesystem::path& file, const std::vector<std::string>& sets,
                       Diagnostics& diagnostics) {
  Pipeline pipeline;
  pipeline.file = file;
  for (const char c : file.stem().string())
    pipeline.name += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' ? c : '_';
  if (const NodePtr root = load_config_tree(file, sets, diagnostics))
    PipelineReader(root, diagnostics).read(pipeline);
  return pipeline;
}

}  // namespace lehr::runtime
