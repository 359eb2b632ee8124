// Types what stands under `with:` by the parameters a plugin describes
// (framework/sdk/description.md): defaults filled, units normalised, paths absolute. The result is
// canonical: the same meaning gives the same JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/config/diagnostics.h"
#include "runtime/config/node.h"
#include "runtime/plugin/plugin_registry.h"

namespace lehr::runtime {

struct BoundParameters {
  // A value as written or by default; `path` is "model.width", "steps[0].with.min_words".
  struct Leaf {
    std::string path;
    std::string json;
    Origin origin;  // no source: a default
  };
  // A document step or reward named by parameter `parameter` ("data.steps"), element `index`.
  struct Item {
    std::string parameter;
    std::size_t index;
    PluginItem item;
  };

  // A text that names what is connected to `input` by its label; see names_each_of.
  struct Label {
    std::string input, path, text;
    Origin origin;
  };

  nlohmann::ordered_json values = nlohmann::ordered_json::object();
  std::vector<Leaf> leaves;       // those that affect the output; no input_path
  std::vector<Leaf> input_paths;  // `json` holds the absolute path or glob itself, not JSON; all
                                  // affect the output
  std::vector<Item> steps, rewards;
  std::vector<Label> labels;
  bool breaks_determinism = false;  // by a parameter that is given
};

// `with`: a map or null. `parameters`: the described list. `owner`: begins messages ("stage
// 'base'"); `home`: the plugin whose steps and rewards need no prefix; `origin`: where a missing
// parameter is reported. Mistakes go to `diagnostics`.
BoundParameters bind_parameters(const NodePtr& with, const nlohmann::ordered_json& parameters,
                                const PluginRegistry& registry, const std::string& owner,
                                const std::string& home, const Origin& origin,
                                Diagnostics& diagnostics);

}  // namespace lehr::runtime
