#include "runtime/config/parameter_binder.h"

#include <gtest/gtest.h>

#include "runtime/config/yaml_loader.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;

struct Bound {
  BoundParameters parameters;
  std::vector<std::string> mistakes;

  std::string leaf(const std::string& path) const {
    for (const auto& leaf : parameters.leaves)
      if (leaf.path == path) return leaf.json;
    return "not there";
  }
};

PluginRegistry registry() {
  PluginFile plugin, other;
  other.name = "judges";
  other.description =
      Json::parse(R"({"name": "judges", "steps": [{"name": "sift", "parameters": []}],
    "rewards": [{"name": "exact_answer", "parameters": []}, {"name": "length", "parameters": []}]})");
  plugin.name = "acme";
  plugin.description = Json::parse(R"({"name": "acme", "steps": [{"name": "sieve", "parameters": [
      {"name": "mesh", "type": "int", "default": 10, "min": 1}]}],
    "rewards": [{"name": "shine", "parameters": [{"name": "gloss", "type": "float", "default": 1}]}]})");
  return PluginRegistry(std::vector<PluginFile>{plugin, other});
}

Bound bind(const std::string& yaml, const std::string& described,
           const std::string& home = "acme") {
  Diagnostics diagnostics;
  const auto source = std::make_shared<Source>("x.yaml", "/data/pipelines", yaml);
  const NodePtr node = yaml.empty() ? nullptr : load_yaml(source, diagnostics);
  const PluginRegistry plugins = registry();
  Bound out;
  out.parameters = bind_parameters(node, Json::parse(described), plugins, "stage 's'", home,
                                   Origin{source, 1, 1}, diagnostics);
  for (const auto& d : diagnostics.sorted()) out.mistakes.push_back(d.message);
  return out;
}

const char* kModel = R"([{"name": "width", "type": "count", "default": 64, "min": 1},
  {"name": "rate", "type": "float", "default": 1},
  {"name": "model", "type": "struct", "default": {}, "fields": [
    {"name": "layers", "type": "int", "default": 4}, {"name": "tied", "type": "bool", "default": true}]},
  {"name": "buffer", "type": "bytes", "default": 1024, "affects_output": false},
  {"name": "sizes", "type": "list", "default": [1, 2], "item": {"name": "", "type": "count", "default": 0}}])";

TEST(ParameterBinder, FillsDefaultsAndNormalisesUnits) {
  const Bound bound = bind("{width: 64k, buffer: 1MiB}", kModel);
  EXPECT_TRUE(bound.mistakes.empty());
  EXPECT_EQ(
      bound.parameters.values.dump(),
      R"({"width":64000,"rate":1.0,"model":{"layers":4,"tied":true},"buffer":1048576,"sizes":[1,2]})");
}

TEST(ParameterBinder, GivesOneKeyToOneMeaning) {
  const Bound defaults = bind("", kModel);
  for (const char* same : {"{width: 64}", "{rate: 1.0}", "{rate: 1}", "{model: {layers: 4}}",
                           "{sizes: [1, 2]}", "{buffer: 7MiB}"}) {
    const Bound written = bind(same, kModel);
    ASSERT_EQ(written.parameters.leaves.size(), defaults.parameters.leaves.size()) << same;
    for (std::size_t i = 0; i < defaults.parameters.leaves.size(); ++i) {
      EXPECT_EQ(written.parameters.leaves[i].path, defaults.parameters.leaves[i].path) << same;
      EXPECT_EQ(written.parameters.leaves[i].json, defaults.parameters.leaves[i].json) << same;
    }
  }
}

TEST(ParameterBinder, LeavesOutOfTheKeyWhatDoesNotAffectTheOutput) {
  const Bound bound = bind("", kModel);
  EXPECT_EQ(bound.leaf("buffer"), "not there");
  EXPECT_EQ(bound.leaf("model.tied"), "true");
}

TEST(ParameterBinder, NullIsAValueWhereItMayBe) {
  const char* described = R"([
    {"name": "cap", "type": "float", "default": 1.5, "nullable": true},
    {"name": "rate", "type": "float", "default": 1.5}])";
  EXPECT_EQ(bind("{}", described).leaf("cap"), "1.5");
  EXPECT_EQ(bind("{cap: null}", described).leaf("cap"), "null");
  EXPECT_EQ(bind("{cap: null}", described).parameters.values.dump(), R"({"cap":null,"rate":1.5})");
  EXPECT_EQ(bind("{rate: null}", described).mistakes.size(), 1u);
}

TEST(ParameterBinder, TakesNoNullAsAnElement) {
  const char* described = R"([
    {"name": "args", "type": "list", "default": [], "item": {"name": "", "type": "string", "default": null}},
    {"name": "env", "type": "map", "default": {}, "item": {"name": "", "type": "string", "default": null}},
    {"name": "caps", "type": "list", "default": [], "item": {"name": "", "type": "float", "nullable": true}}])";
  EXPECT_EQ(bind("{args: [-c, null, '']}", described).mistakes,
            std::vector<std::string>{
                "stage 's': parameter 'args[1]' expects text, got nothing. Empty text is \"\""});
  EXPECT_EQ(bind("{env: {A: , B: x}}", described).mistakes,
            std::vector<std::string>{
                "stage 's': parameter 'env.A' expects text, got nothing. Empty text is \"\""});
  EXPECT_TRUE(bind("{caps: [1, null]}", described).mistakes.empty());
}

TEST(ParameterBinder, TakesExactlyOneOfOneOf) {
  const char* described = R"([{"name": "budget", "type": "one_of", "default": null, "fields": [
    {"name": "tokens", "type": "count", "default": null}, {"name": "epochs", "type": "float", "default": null}]}])";
  EXPECT_EQ(bind("{budget: {tokens: 6M}}", described).parameters.values.dump(),
            R"({"budget":{"tokens":6000000,"epochs":null}})");
  EXPECT_EQ(bind("", described).parameters.values.dump(), R"({"budget":null})");
  EXPECT_EQ(bind("{budget: {tokens: 1, epochs: 1}}", described).mistakes.size(), 1u);
  EXPECT_EQ(bind("{budget: {}}", described).mistakes.size(), 1u);
  EXPECT_EQ(bind("{budget: {tokens: null}}", described).mistakes.size(), 1u);
  EXPECT_EQ(bind("{budget: {tokens: null, epochs: 2}}", described).parameters.values.dump(),
            R"({"budget":{"tokens":null,"epochs":2.0}})");
}

TEST(ParameterBinder, SaysWhetherAParameterThatIsGivenEndsDeterminism) {
  const char* described = R"([{"name": "budget", "type": "one_of", "default": null, "fields": [
    {"name": "tokens", "type": "count", "default": null},
    {"name": "time", "type": "duration", "default": null, "determinism": "none"}]}])";
  EXPECT_TRUE(bind("{budget: {time: 30m}}", described).parameters.breaks_determinism);
  EXPECT_FALSE(bind("{budget: {tokens: 6M}}", described).parameters.breaks_determinism);
  EXPECT_FALSE(bind("", described).parameters.breaks_determinism);
}

TEST(ParameterBinder, ResolvesStepsAndRewards) {
  const char* described = R"([{"name": "steps", "type": "steps", "default": []},
                              {"name": "rewards", "type": "rewards", "default": []}])";
  const Bound bound =
      bind("{steps: [sieve, acme.sieve: {mesh: 3}], rewards: [shine: {weight: 0.5}]}", described);
  EXPECT_TRUE(bound.mistakes.empty());
  EXPECT_EQ(
      bound.parameters.values.dump(),
      R"({"steps":[{"name":"acme.sieve","with":{"mesh":10}},{"name":"acme.sieve","with":{"mesh":3}}],)"
      R"("rewards":[{"name":"acme.shine","weight":0.5,"with":{"gloss":1.0}}]})");
  ASSERT_EQ(bound.parameters.steps.size(), 2u);
  EXPECT_EQ(bound.parameters.steps[1].index, 1u);
  EXPECT_EQ(bound.leaf("steps[1].with.mesh"), "3");
}

TEST(ParameterBinder, SuggestsItemsOfOtherPluginsToo) {
  const auto mistake = [](const std::string& named, const std::string& home) {
    const Bound bound =
        runtime::bind("{rewards: [" + named + "]}",
                      R"([{"name": "rewards", "type": "rewards", "default": []}])", home);
    return bound.mistakes.size() == 1 ? bound.mistakes[0] : "not one mistake";
  };
  const std::string none = "stage 's': there is no reward ";
  EXPECT_EQ(mistake("exact_answer", "ppo"),
            none + "'exact_answer'. Did you mean 'judges.exact_answer'?");
  EXPECT_EQ(mistake("lenght", "ppo"), none + "'lenght'. Did you mean 'judges.length'?");
  EXPECT_EQ(mistake("xyz", "ppo"),
            none + "'xyz'. It can be 'acme.shine', 'judges.exact_answer' or 'judges.length'.");
  EXPECT_EQ(mistake("judge.x", "ppo"),
            none + "'judge.x'. It can be 'acme.shine', 'judges.exact_answer' or 'judges.length'.");
  EXPECT_EQ(mistake("shien", "acme"), none + "'shien'. Did you mean 'shine'?");
  EXPECT_EQ(mistake("length", "acme"), none + "'length'. Did you mean 'judges.length'?");
  EXPECT_EQ(mistake("xyz", "acme"), none + "'xyz'. It can be 'shine'.");
}

TEST(ParameterBinder, MakesPathsAbsoluteFromTheFileThatWroteThem) {
  const char* described = R"([{"name": "paths", "type": "list", "default": [],
                               "item": {"name": "", "type": "input_path"}}])";
  const Bound bound = bind("{paths: [../text/*.txt, /etc/x]}", described);
  EXPECT_EQ(bound.parameters.values.dump(), R"({"paths":["/data/text/*.txt","/etc/x"]})");
  ASSERT_EQ(bound.parameters.input_paths.size(), 2u);
  EXPECT_EQ(bound.parameters.input_paths[0].path, "paths[0]");
  EXPECT_EQ(bound.leaf("paths[0]"), "not there");  // the content is in the key, the place is not
}

}  // namespace
}  // namespace lehr::runtime
