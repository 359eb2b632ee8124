#include "runtime/plan/planner.h"

#include <gtest/gtest.h>

#include "runtime/config/yaml_loader.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;

PluginRegistry registry() {
  PluginFile plugin;
  plugin.name = "p";
  plugin.version = "1";
  plugin.path = "/proc/self/exe";  // whose code is part of keys
  plugin.description = Json::parse(R"({"name": "p", "stages": [
    {"name": "source", "inputs": [], "outputs": [{"name": "text", "type": "documents"},
                                                 {"name": "more", "type": "documents"}], "parameters": []},
    {"name": "step", "inputs": [{"name": "text", "type": "documents"}],
     "outputs": [{"name": "text", "type": "documents"}],
     "parameters": [{"name": "depth", "type": "int", "default": 1}]},
    {"name": "join", "inputs": [{"name": "text", "type": "documents", "list": true}],
     "outputs": [{"name": "text", "type": "documents"}], "parameters": []},
    {"name": "words", "inputs": [{"name": "text", "type": "documents"}],
     "outputs": [{"name": "tokenizer", "type": "tokenizer", "self": "T"}], "parameters": []},
    {"name": "import", "inputs": [], "outputs": [{"name": "model", "type": "model", "facets": {"tokenizer": "X"}}],
     "parameters": []},
    {"name": "adopt", "inputs": [{"name": "tokenizer", "type": "tokenizer", "self": "T", "optional": true}],
     "outputs": [{"name": "model", "type": "model", "facets": {"tokenizer": "T"}},
                 {"name": "tokenizer", "type": "tokenizer", "self": "T"}], "parameters": []},
    {"name": "model", "inputs": [{"name": "tokenizer", "type": "tokenizer", "self": "T"}],
     "outputs": [{"name": "model", "type": "model", "facets": {"tokenizer": "T"}}], "parameters": []},
    {"name": "pair", "inputs": [{"name": "a", "type": "model", "facets": {"tokenizer": "T"}},
                                {"name": "b", "type": "model", "facets": {"tokenizer": "T"}}],
     "outputs": [], "parameters": []},
    {"name": "scores", "inputs": [{"name": "model", "type": "model", "self": "M"}],
     "outputs": [{"name": "scores", "type": "scores", "facets": {"model": "M"}}], "parameters": []},
    {"name": "tune", "inputs": [{"name": "model", "type": "model"},
        {"name": "reference", "type": "model", "optional": true, "otherwise": "model", "self": "R"},
        {"name": "scores", "type": "scores", "facets": {"model": "R"}}],
     "outputs": [{"name": "model", "type": "model"}], "parameters": []},
    {"name": "exam", "inputs": [{"name": "earlier", "type": "evaluation", "list": true, "optional": true,
        "facets": {"rounds": "$rounds", "who": "$who"}}],
     "outputs": [{"name": "evaluation", "type": "evaluation", "facets": {"rounds": "$rounds", "who": "$who"}}],
     "parameters": [{"name": "rounds", "type": "int", "default": 3}, {"name": "who", "type": "list",
                     "item": {"name": "", "type": "string"}, "default": ["you"]}]},
    {"name": "trained", "inputs": [], "outputs": [{"name": "model", "type": "model"}], "seed": true,
     "determinism": "machine", "parameters": []}]})");
  return PluginRegistry(std::vector<PluginFile>{plugin});
}

struct Made {
  Plan plan;
  std::vector<std::string> mistakes;
};

StageConfig stage(const std::string& id, const std::string& uses,
                  std::vector<std::pair<std::string, std::vector<std::string>>> inputs = {}) {
  static const auto source = std::make_shared<Source>("x.yaml", "/", "");
  static int line = 0;
  StageConfig out;
  out.id = out.base = id;
  out.uses = uses;
  out.origin = out.uses_origin = {source, ++line, 1};
  for (auto& [port, references] : inputs) {
    InputConfig input{port, {source, ++line, 1}, references.size() > 1, {}};
    for (auto& text : references) input.references.push_back({text, {source, ++line, 5}});
    out.inputs.push_back(std::move(input));
  }
  return out;
}

Made make(std::vector<StageConfig> stages) {
  static const PluginRegistry plugins = registry();
  Pipeline pipeline;
  pipeline.stages = std::move(stages);
  Diagnostics diagnostics;
  Made out{make_plan(pipeline, plugins, diagnostics), {}};
  for (const auto& d : diagnostics.sorted()) out.mistakes.push_back(d.message);
  return out;
}

TEST(Planner, OrdersByDataFlowAndElseAsWritten) {
  const Made made = make({stage("late", "p.join", {{"text", {"b", "a"}}}),
                          stage("b", "p.step", {{"text", {"s.text"}}}),
                          stage("a", "p.step", {{"text", {"s.more"}}}), stage("s", "p.source")});
  ASSERT_TRUE(made.mistakes.empty()) << made.mistakes[0];
  std::string order;
  for (const auto& s : made.plan.stages) order += s.id + " ";
  EXPECT_EQ(order, "s b a late ");
  EXPECT_EQ(made.plan.stages[3].inputs[0].label, "b");  // a list keeps the pipeline's order
}

TEST(Planner, AKeyKnowsTheNameOfAStageOnlyWhereAListIsToldApartByIt) {
  const auto key = [](const std::string& reader, const std::string& name) {
    const Made made =
        make({stage(name, "p.source"), stage("x", reader, {{"text", {name + ".text"}}})});
    EXPECT_TRUE(made.mistakes.empty()) << made.mistakes[0];
    return stage_key(made.plan.stages[1], {std::string(64, 'd')});
  };
  EXPECT_EQ(key("p.step", "source").key, key("p.step", "renamed").key);
  EXPECT_NE(key("p.join", "source").key, key("p.join", "renamed").key);
  EXPECT_EQ(key("p.step", "source").parts[0].value, std::string(64, 'd'));
  EXPECT_EQ(key("p.join", "source").parts[0].value, "source " + std::string(64, 'd'));
}

TEST(Planner, WantsAnOutputNamedIfSeveralFit) {
  const Made made = make({stage("s", "p.source"), stage("a", "p.step", {{"text", {"s"}}})});
  ASSERT_EQ(made.mistakes.size(), 1u);
  EXPECT_NE(made.mistakes[0].find("name one of 's.text' or 's.more'"), std::string::npos);
}

TEST(Planner, FindsFacetsThatCannotAgree) {
  const auto two = [](const std::string& a, const std::string& b) {
    return make({stage("s", "p.source"), stage("t1", "p.words", {{"text", {"s.text"}}}),
                 stage("t2", "p.words", {{"text", {"s.more"}}}),
                 stage("m1", "p.model", {{"tokenizer", {"t1"}}}),
                 stage("m2", "p.model", {{"tokenizer", {"t2"}}}),
                 stage("other", "p.model", {{"tokenizer", {"t1"}}}), stage("i", "p.import"),
                 stage("both", "p.pair", {{"a", {a}}, {"b", {b}}})})
        .mistakes;
  };
  EXPECT_TRUE(two("m1", "other").empty());
  EXPECT_TRUE(two("m1", "i").empty());  // not known: checked when the stage starts
  ASSERT_EQ(two("m1", "m2").size(), 1u);
  EXPECT_NE(two("m1", "m2")[0].find("'t1.tokenizer'"), std::string::npos);
  EXPECT_NE(two("m1", "m2")[0].find("'t2.tokenizer'"), std::string::npos);
}

TEST(Planner, TakesAnOutputForTheInputThatItStandsFor) {
  const auto pair = [](const std::string& given) {
    StageConfig second = given.empty() ? stage("second", "p.adopt")
                                       : stage("second", "p.adopt", {{"tokenizer", {given}}});
    return make({stage("first", "p.adopt"), second,
                 stage("m", "p.model", {{"tokenizer", {"second.tokenizer"}}}),
                 stage("both", "p.pair", {{"a", {"first.model"}}, {"b", {"m"}}}),
                 stage("too", "p.pair", {{"a", {"first.model"}}, {"b", {"second.model"}}})})
        .mistakes.size();
  };
  EXPECT_EQ(pair(""), 2u);
  EXPECT_EQ(pair("first.tokenizer"), 0u);
}

TEST(Planner, HoldsWhatIsNotConnectedToWhatStandsForIt) {
  const auto tune = [](const std::string& model, const std::string& reference) {
    std::vector<std::pair<std::string, std::vector<std::string>>> inputs = {{"model", {model}},
                                                                            {"scores", {"scores"}}};
    if (!reference.empty()) inputs.push_back({"reference", {reference}});
    return make({stage("m1", "p.import"), stage("m2", "p.import"),
                 stage("scores", "p.scores", {{"model", {"m1"}}}), stage("t", "p.tune", inputs)})
        .mistakes;
  };
  EXPECT_TRUE(tune("m1", "").empty());
  EXPECT_TRUE(tune("m1", "m1").empty());
  EXPECT_TRUE(tune("m2", "m1").empty());
  ASSERT_EQ(tune("m1", "m2").size(), 1u);
  ASSERT_EQ(tune("m2", "").size(), 1u);
  EXPECT_EQ(tune("m2", "")[0],
            "stage 't': inputs 'scores' and 'model' must go with the same model, but 'scores' goes "
            "with 'm1.model' and 'm2' with 'm2.model'");
}

TEST(Planner, HoldsFacetsToTheParametersOfTheStage) {
  const auto with = [](StageConfig config, const std::string& yaml) {
    Diagnostics none;
    config.with = load_yaml(std::make_shared<Source>("x.yaml", "/", yaml), none);
    return config;
  };
  const auto exams = [&](const std::string& first, const std::string& second) {
    return make({with(stage("a", "p.exam"), first),
                 with(stage("b", "p.exam", {{"earlier", {"a"}}}), second)});
  };
  EXPECT_TRUE(exams("{}", "{rounds: 3, who: [you]}").mistakes.empty());
  EXPECT_TRUE(exams("{rounds: 4}", "{rounds: 4}").mistakes.empty());
  const Made made = exams("{}", "{rounds: 4, who: [me, you]}");
  ASSERT_EQ(made.mistakes.size(), 2u);
  EXPECT_EQ(made.mistakes[0],
            "stage 'b': input 'earlier' takes what has rounds '4', but that of 'a.evaluation' is "
            "'3'");
}

TEST(Planner, HoldsAnUnknownFacetToItsFirstUse) {
  const Made made = make({stage("s", "p.source"), stage("t1", "p.words", {{"text", {"s.text"}}}),
                          stage("t2", "p.words", {{"text", {"s.more"}}}),
                          stage("m1", "p.model", {{"tokenizer", {"t1"}}}),
                          stage("m2", "p.model", {{"tokenizer", {"t2"}}}), stage("i", "p.import"),
                          stage("one", "p.pair", {{"a", {"m1"}}, {"b", {"i"}}}),
                          stage("two", "p.pair", {{"a", {"m2"}}, {"b", {"i"}}})});
  EXPECT_EQ(made.mistakes.size(), 1u);
}

TEST(Planner, ReportsEachCycleOnce) {
  const Made made =
      make({stage("a", "p.step", {{"text", {"b"}}}), stage("b", "p.step", {{"text", {"a"}}}),
            stage("c", "p.step", {{"text", {"a"}}}), stage("d", "p.step", {{"text", {"d"}}})});
  EXPECT_EQ(made.mistakes.size(), 2u);
}

TEST(Planner, TellsWhereThePartsOfAKeyAreWritten) {
  StageConfig config = stage("m", "p.trained");
  const auto source = config.origin.source;
  config.uses_origin = {source, 3, 1};
  config.seed_origin = {source, 4, 1};
  config.resources.threads_origin = {source, 5, 1};
  Made made = make({config});
  look_up(made.plan, nullptr);
  std::map<std::string, std::string> where;
  for (const KeyPart& part : made.plan.stages[0].static_parts) where[part.name] = part.where;
  EXPECT_EQ(where["uses"], "x.yaml:3:1");
  EXPECT_EQ(where["seed"], "x.yaml:4:1");
  EXPECT_EQ(where["threads"], "x.yaml:5:1");
}

TEST(Planner, MakesKeysOfPartsAndInputs) {
  Made made = make({stage("s", "p.source"), stage("a", "p.step", {{"text", {"s.text"}}})});
  PlannedStage a = made.plan.stages[1];
  const std::string one(64, '1'), two(64, '2');
  const StageKey key = stage_key(a, {one});
  EXPECT_EQ(key.key.size(), 64u);
  EXPECT_EQ(stage_key(a, {one}).key, key.key);
  EXPECT_NE(stage_key(a, {two}).key, key.key);
  a.static_parts[0].value += "x";
  EXPECT_NE(stage_key(a, {one}).key, key.key);
}

}  // namespace
}  // namespace lehr::runtime
