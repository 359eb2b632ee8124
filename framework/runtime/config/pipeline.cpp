#include "runtime/config/pipeline.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <map>
#include <set>

#include "runtime/config/config_tree.h"
#include "runtime/config/interpolation.h"
#include "runtime/config/literal.h"
#include "runtime/config/suggestion.h"

namespace lehr::runtime {
namespace {

constexpr std::size_t kMostVariants = 1000;

bool is_identifier(std::string_view text) {
  if (text.empty() || text.size() > 100) return false;
  if (!std::isalpha(static_cast<unsigned char>(text[0])) && text[0] != '_') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
  });
}

class PipelineReader {
 public:
  PipelineReader(const NodePtr& root, Diagnostics& diagnostics)
      : root_(*root), diagnostics_(diagnostics), interpolation_(vars_of(*root), diagnostics) {}

  void read(Pipeline& pipeline) {
    known_keys(root_, "", {"lehr", "name", "seed", "vars", "resources", "stages", "outputs"});
    read_version();
    if (const NodePtr name = value(root_, "name")) read_name(*name, pipeline);
    if (const NodePtr seed = value(root_, "seed")) read_seed(*seed, "", pipeline.seed);
    if (const Entry* vars = root_.find("vars");
        vars && !vars->value->is_map() && !vars->value->is_null())
      expected(*vars->value, "", "'vars' expects a map");
    std::string device = "cpu";
    read_resources(root_, "", pipeline.threads, device);
    read_stages(pipeline, device);
    read_outputs(pipeline);
  }

 private:
  static NodePtr vars_of(const Node& root) {
    const Entry* vars = root.find("vars");
    return vars && vars->value->is_map() ? vars->value : nullptr;
  }
  void expected(const Node& node, const std::string& where, const std::string& what) {
    if (!node.bad) diagnostics_.error(node.origin, where + what + ", got " + describe(node));
  }
  void known_keys(const Node& map, const std::string& where, const std::vector<std::string>& keys) {
    for (const Entry& entry : map.entries)
      if (std::find(keys.begin(), keys.end(), entry.key) == keys.end())
        diagnostics_.error(
            entry.origin, where + "unknown key '" + entry.key + "'." + suggestion(entry.key, keys));
  }
  // The value of a key with references replaced; null if there is none or it is bad.
  NodePtr value(const Node& map, std::string_view key) {
    const Entry* entry = map.find(key);
    if (!entry) return nullptr;
    const NodePtr node = interpolation_.resolve(entry->value);
    return node->bad ? nullptr : node;
  }

  void read_version() {
    const Entry* version = root_.find("lehr");
    if (!version) {
      diagnostics_.error(root_.origin, "the file does not say its format. Begin it with 'lehr: 1'");
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
  void read_seed(const Node& node, const std::string& where, std::uint64_t& seed) {
    const auto read = node.is_scalar() ? read_int(node.text) : Read<std::int64_t>::failed("");
    if (!read || *read < 0)
      expected(node, where, "'seed' expects a whole number from 0 on");
    else
      seed = static_cast<std::uint64_t>(*read);
  }
  void read_resources(const Node& map, const std::string& where, std::uint32_t& threads,
                      std::string& device) {
    const NodePtr resources = value(map, "resources");
    if (!resources || resources->is_null()) return;
    if (!resources->is_map()) return expected(*resources, where, "'resources' expects a map");
    known_keys(*resources, where, {"threads", "device"});
    if (const Entry* entry = resources->find("threads")) {
      const Node& node = *entry->value;
      const auto read = node.is_scalar() ? read_int(node.text) : Read<std::int64_t>::failed("");
      if (!read || *read < 1 || *read > 4096)
        expected(node, where, "'threads' expects a whole number from 1 to 4096");
      else
        threads = static_cast<std::uint32_t>(*read);
    }
    if (const Entry* entry = resources->find("device")) {
      if (entry->value->is_scalar() &&
          (entry->value->text == "cpu" || entry->value->text == "cuda"))
        device = entry->value->text;
      else
        expected(*entry->value, where, "'device' expects cpu or cuda");
    }
  }

  void read_stages(Pipeline& pipeline, const std::string& device) {
    const Entry* stages = root_.find("stages");
    if (!stages) {
      diagnostics_.error(root_.origin, "the pipeline has no 'stages'");
      return;
    }
    if (!stages->value->is_map() || stages->value->entries.empty()) {
      expected(*stages->value, "", "'stages' expects a map of stages");
      return;
    }
    for (const Entry& entry : stages->value->entries) {
      if (!is_identifier(entry.key))
        diagnostics_.error(
            entry.origin,
            "'" + entry.key +
                "' cannot name a stage: use letters, digits, '_' and '-', a letter first");
      if (!entry.value->is_map()) {
        expected(*entry.value, "stage '" + entry.key + "': ", "expected a map with 'uses'");
        continue;
      }
      read_variants(entry, pipeline, device);
    }
  }

  // A stage, or one for each combination of its matrix.
  void read_variants(const Entry& entry, Pipeline& pipeline, const std::string& device) {
    const std::string where = "stage '" + entry.key + "': ";
    known_keys(*entry.value, where, {"uses", "in", "with", "require", "matrix", "resources"});
    interpolation_.set_matrix({});
    std::vector<std::pair<Entry, std::vector<NodePtr>>> axes;
    if (entry.value->find("matrix") && !read_matrix(*entry.value, where, axes)) return;
    std::size_t variants = 1;
    for (const auto& [axis, values] : axes) variants *= values.size();
    if (variants > kMostVariants) {
      diagnostics_.error(entry.value->find("matrix")->origin,
                         where + "the matrix has " + std::to_string(variants) +
                             " combinations; at most " + std::to_string(kMostVariants) +
                             " are possible");
      return;
    }
    std::set<std::string> used;
    for (std::size_t n = 0; n < variants; ++n) {
      StageConfig stage;
      stage.base = stage.id = entry.key;
      stage.origin = entry.origin;
      stage.seed = pipeline.seed;
      stage.threads = pipeline.threads;
      stage.device = device;
      std::map<std::string, NodePtr> chosen;
      std::size_t rest = n;
      std::vector<std::string> label(axes.size());
      for (std::size_t a = axes.size(); a-- > 0;) {  // the last axis changes fastest
        const auto& [axis, values] = axes[a];
        const NodePtr& pick = values[rest % values.size()];
        rest /= values.size();
        label[a] = axis.key + "=" + pick->text;
        if (axis.key == "seed") read_seed(*pick, where, stage.seed);
        chosen[axis.key] = pick;
      }
      for (std::size_t a = 0; a < label.size(); ++a) stage.id += (a == 0 ? "@" : ",") + label[a];
      interpolation_.set_matrix(std::move(chosen));
      read_stage(*entry.value, stage);
      used.insert(interpolation_.used_matrix().begin(), interpolation_.used_matrix().end());
      pipeline.stages.push_back(std::move(stage));
    }
    for (const auto& [axis, values] : axes)
      if (axis.key != "seed" && !used.contains(axis.key))
        diagnostics_.error(axis.origin, where + "the matrix varies '" + axis.key +
                                            "', but nothing uses it. Write \"${matrix." + axis.key +
                                            "}\" where it belongs");
  }
  bool read_matrix(const Node& stage, const std::string& where,
                   std::vector<std::pair<Entry, std::vector<NodePtr>>>& axes) {
    const NodePtr matrix = value(stage, "matrix");
    if (!matrix) return false;
    const std::size_t before = diagnostics_.size();
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
        values.push_back(item);
      }
      axes.emplace_back(axis, std::move(values));
    }
    return diagnostics_.size() == before && !axes.empty();
  }

  void read_stage(const Node& map, StageConfig& stage) {
    const std::string where = "stage '" + stage.base + "': ";
    if (const Entry* uses = map.find("uses")) {
      const NodePtr node = value(map, "uses");
      stage.uses_origin = uses->value->origin;
      if (node && (!node->is_scalar() || node->text.empty()))
        expected(*node, where, "'uses' expects the name of a plugin or stage");
      else if (node)
        stage.uses = node->text;
    } else {
      diagnostics_.error(
          stage.origin,
          where + "'uses' is missing: name the plugin that does the work, as in 'uses: filter'");
    }
    read_resources(map, where, stage.threads, stage.device);
    if (const NodePtr in = value(map, "in"); in && !in->is_null()) read_inputs(*in, where, stage);
    stage.with = value(map, "with");
    if (stage.with && !stage.with->is_map() && !stage.with->is_null()) {
      expected(*stage.with, where, "'with' expects a map of parameters");
      stage.with = nullptr;
    }
    if (const NodePtr require = value(map, "require"); require && !require->is_null())
      read_require(*require, where, stage);
  }

  bool read_reference(const Node& node, const std::string& where, Reference& reference) {
    if (!node.is_scalar() || node.text.empty()) {
      expected(node, where, "expected 'STAGE' or 'STAGE.OUTPUT'");
      return false;
    }
    reference = {node.text, node.origin};
    return true;
  }
  void read_inputs(const Node& map, const std::string& where, StageConfig& stage) {
    if (!map.is_map())
      return expected(map, where, "'in' expects a map, as in {documents: source.documents}");
    for (const Entry& entry : map.entries) {
      InputConfig input{entry.key, entry.origin, entry.value->is_list(), {}};
      Reference reference;
      const std::string port = where + "input '" + entry.key + "': ";
      if (entry.value->is_list()) {
        for (const NodePtr& item : entry.value->items)
          if (read_reference(*item, port, reference)) input.references.push_back(reference);
      } else if (read_reference(*entry.value, port, reference)) {
        input.references.push_back(reference);
      }
      stage.inputs.push_back(std::move(input));
    }
  }
  void read_require(const Node& map, const std::string& where, StageConfig& stage) {
    if (!map.is_map())
      return expected(map, where, "'require' expects a map, as in {\"eval/accuracy\": \">= 0.7\"}");
    for (const Entry& entry : map.entries) {
      const Node& node = *entry.value;
      RequireConfig require{entry.key, "", 0, entry.origin};
      std::string_view text = node.is_scalar() ? std::string_view(node.text) : std::string_view();
      for (const std::string_view op : {">=", "<=", "==", "!=", ">", "<"})
        if (text.starts_with(op)) {
          require.op = op;
          text.remove_prefix(op.size());
          break;
        }
      while (text.starts_with(' ')) text.remove_prefix(1);
      const auto limit = read_float(text);
      if (require.op.empty() || !limit) {
        expected(node, where + "require '" + entry.key + "': ",
                 "expected a comparison such as \">= 0.7\"");
        continue;
      }
      require.limit = *limit;
      stage.require.push_back(std::move(require));
    }
  }
  void read_outputs(Pipeline& pipeline) {
    const NodePtr outputs = value(root_, "outputs");
    if (!outputs || outputs->is_null()) return;
    if (!outputs->is_map())
      return expected(*outputs, "", "'outputs' expects a map, as in {final: dpo}");
    for (const Entry& entry : outputs->entries) {
      OutputConfig output{entry.key, {}};
      if (!is_identifier(entry.key))
        diagnostics_.error(
            entry.origin,
            "'" + entry.key + "' cannot name an output: use letters, digits, '_' and '-'");
      else if (read_reference(*entry.value, "output '" + entry.key + "': ", output.reference))
        pipeline.outputs.push_back(std::move(output));
    }
  }

  const Node& root_;
  Diagnostics& diagnostics_;
  Interpolation interpolation_;
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
