// The plugin of the command-line tests: one parameter of every type, ports of every kind. All of it
// only describes itself but `fire`, which runs.
#include <lehr/mistakes.h>
#include <lehr/plugin.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "fire.h"

namespace {

struct Described : lehr::Stage {
  void run(lehr::Context&) override { throw lehr::Error("kiln is described, never run"); }
};

struct Layer {
  std::int64_t width = 8;
};

struct Dig : Described {
  void describe(lehr::Description& d) override {
    d.summary("makes documents and prompts; has a parameter of every type").uses_seed();
    d.output("documents", "documents");
    d.output("prompts", "prompts");
    d.boolean("wet", wet).help("dig in the rain");
    d.integer("depth", depth).range(1, 10).unit("metres");
    d.count("grains", grains).at_least(1).help("how many grains to dig up");
    d.bytes("load", load);
    d.real("heat", heat).range(0, 1);
    d.duration("pause", pause);
    d.text("label", label);
    d.choice("shape", shape, {"round", "square", "oval"});
    d.input_path("files", files);
    d.list("tags", tags, "string");
    d.list("sizes", sizes, "count").range(1, 100);
    d.list_of("layers", layers,
              [](auto& inner, Layer& layer) { inner.count("width", layer.width).at_least(1); });
    d.group("mould", [this](auto& inner) {
      inner.integer("width", width).at_least(1);
      inner.boolean("tall", tall);
    });
    d.one_of("fuel", [this](auto& inner) {
      inner.count("wood", wood);
      inner.real("gas", gas);
    });
  }
  void check() override {
    if (label == "crash") std::abort();
    lehr::Mistakes mistakes;
    if (wet && depth > 5)
      mistakes.add("wet clay is dug 5 deep at most, not " + std::to_string(depth));
    if (wet && heat > 0.9) mistakes.add("heat: wet clay cracks");
    mistakes.report();
  }
  bool wet = false, tall = false;
  std::int64_t depth = 2, grains = 1000, load = 1 << 20, width = 4;
  double heat = 0.5, pause = 60;
  std::string label = "clay", shape = "round";
  std::optional<std::string> files;
  std::vector<std::string> tags;
  std::vector<std::int64_t> sizes;
  std::vector<Layer> layers;
  std::optional<std::int64_t> wood;
  std::optional<double> gas;
};

struct Grind : Described {
  void describe(lehr::Description& d) override {
    d.summary("documents through steps");
    d.input("documents", "documents").help("what is ground");
    d.output("documents", "documents");
    d.steps("steps", steps);
  }
  std::size_t steps = 0;
};

struct Tokenize : Described {
  void describe(lehr::Description& d) override {
    d.summary("makes a tokenizer");
    d.input("documents", "documents");
    d.output("tokenizer", "tokenizer").self("T");
    d.count("vocab_size", vocab_size).required().help("number of tokens");
  }
  void estimate(const std::vector<lehr::Input>&, lehr::Estimate& out) override {
    out.outputs["tokenizer"] = R"({"vocab_size":)" + std::to_string(vocab_size) + "}";
  }
  std::int64_t vocab_size = 0;
};

struct Encode : Described {
  void describe(lehr::Description& d) override {
    d.summary("makes tokens");
    d.input("documents", "documents");
    d.input("tokenizer", "tokenizer").self("T");
    d.output("tokens", "tokens").facet("tokenizer", "T");
  }
  void estimate(const std::vector<lehr::Input>& inputs, lehr::Estimate& out) override {
    if (!inputs.at(1).facts.empty()) out.outputs["tokens"] = inputs.at(1).facts;
  }
};

struct Train : Described {
  void describe(lehr::Description& d) override {
    d.summary("makes a base model").determinism(lehr::Determinism::machine).uses_seed();
    d.devices({"cpu", "cuda"});
    d.input("tokens", "tokens").facet("tokenizer", "T");
    d.input("prompts", "prompts").optional();
    d.output("model", "model").facet("tokenizer", "T").facet("role", "=base");
  }
  void estimate(const std::vector<lehr::Input>& inputs, lehr::Estimate& out) override {
    out.steps = 1500;
    out.tokens = 6e6;
    out.memory_bytes = 300 << 20;
    if (!inputs.at(0).path.empty()) out.flops = 2.5e14;
    const std::string& facts = inputs.at(0).facts;  // {"vocab_size":100}
    if (facts.empty()) return;
    out.parameters = 64 * std::stod(facts.substr(facts.find(':') + 1));
    out.flops = 3e14;
    out.seconds = 600;
    out.at_most = LEHR_AT_MOST_FLOPS | LEHR_AT_MOST_SECONDS;
  }
};

struct Judge : Described {
  void describe(lehr::Description& d) override {
    d.summary("makes a reward model of a base model").devices({"cpu"});
    d.input("model", "model").facet("tokenizer", "T").facet("role", "=base");
    d.output("reward", "reward_model").facet("tokenizer", "T");
  }
};

struct Align : Described {
  void describe(lehr::Description& d) override {
    d.summary("aligns a model by a reward model");
    d.input("policy", "model").facet("tokenizer", "T");
    d.input("reward", "reward_model").facet("tokenizer", "T");
    d.output("model", "model").facet("tokenizer", "T").facet("role", "=aligned");
    d.real("beta", beta).at_least(0);
    d.rewards("rewards", weights);
  }
  double beta = 0.1;
  std::vector<double> weights;
};

struct Compare : Described {
  void describe(lehr::Description& d) override {
    d.summary("compares models");
    d.input("models", "model").list();
    d.input("earlier", "evaluation").list().optional().facet("rounds", "$rounds");
    d.output("evaluation", "evaluation").facet("rounds", "$rounds");
    d.integer("rounds", rounds).range(1, 9);
  }
  void check_inputs(const std::vector<lehr::Input>& inputs) override {
    if (lehr::connected(inputs, "models") == 1)
      throw lehr::Error("models: '" + inputs[0].label + "' alone is compared with nothing");
  }
  std::int64_t rounds = 3;
};

struct Sieve : lehr::DocumentStep {
  void describe(lehr::Description& d) override {
    d.summary("drops what is fine");
    d.integer("mesh", mesh).range(1, 100);
  }
  void check() override {
    if (mesh == 13) throw lehr::Error("a mesh of 13 brings bad luck");
  }
  void process(lehr::Document& document) override {
    if (mesh == 66) {
      std::fputs("the mesh tears", stderr);  // and the line is not ended
      std::abort();
    }
    document.drop("fine");
  }
  std::int64_t mesh = 10;
};

struct Shine : lehr::Reward {
  void describe(lehr::Description& d) override {
    d.summary("rewards what shines");
    d.real("gloss", gloss);
  }
  double score(const lehr::Exchange&) override { return gloss; }
  double gloss = 1;
};

}  // namespace

LEHR_PLUGIN(lehr::Plugin("kiln", "1.0.0")
                .summary("describes a parameter of every type and a port of every kind")
                .license("Apache-2.0")
                .stage<Dig>("dig")
                .stage<Grind>("grind")
                .stage<Tokenize>("tokenize")
                .stage<Encode>("encode")
                .stage<Train>("train")
                .stage<Judge>("judge")
                .stage<Align>("align")
                .stage<Compare>("compare")
                .stage<Fire>("fire")
                .step<Sieve>("sieve")
                .reward<Shine>("shine"))
