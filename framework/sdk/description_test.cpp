#include <gtest/gtest.h>
#include <lehr/plugin.h>

#include <nlohmann/json.hpp>

namespace lehr {
namespace {

using Json = nlohmann::ordered_json;

// A lehr_value tree made from JSON, as a host makes one.
class HostValue {
 public:
  explicit HostValue(const Json& json) { fill(root_, json); }
  const lehr_value* get() const { return &root_; }

 private:
  void fill(lehr_value& v, const Json& json) {
    v = {};
    if (json.is_boolean()) v.kind = LEHR_BOOL, v.boolean = json.get<bool>();
    if (json.is_number_integer())
      v.kind = LEHR_INT, v.integer = json.get<std::int64_t>(), v.real = json.get<double>();
    if (json.is_number_float()) v.kind = LEHR_REAL, v.real = json.get<double>();
    if (json.is_string()) v.kind = LEHR_STRING, v.string = keep(json.get<std::string>());
    if (!json.is_structured()) return;
    auto& items = lists_.emplace_back(json.size());
    auto& keys = keys_.emplace_back();
    std::size_t i = 0;
    for (const auto& [key, item] : json.items()) fill(items[i++], item), keys.push_back(keep(key));
    v.kind = json.is_array() ? LEHR_LIST : LEHR_MAP;
    v.items = items.data(), v.keys = keys.data(), v.count = json.size(),
    v.stride = sizeof(lehr_value);
  }
  lehr_str keep(std::string s) { return borrow(strings_.emplace_back(std::move(s))); }

  lehr_value root_{};
  std::deque<std::vector<lehr_value>> lists_;
  std::deque<std::vector<lehr_str>> keys_;
  std::deque<std::string> strings_;
};

struct Source {
  std::string name;
  double weight = 1;
};

struct Example : Stage {
  void describe(Description& d) override {
    d.summary("an \"example\"\nof two lines").determinism(Determinism::machine).uses_seed();
    d.devices({"cpu", "cuda"});
    d.input("tokens", "tokens").facet("tokenizer", "T");
    d.input("start", "model").optional("base");
    d.output("model", "model").facet("tokenizer", "T").facet("role", "=base");
    d.count("tokens", tokens).range(1, 1e12).help("how many").unit("tokens");
    d.real("rate", rate);
    d.real("cap", cap);
    d.choice("form", form, {"NFC", "NFKC"});
    d.list("topics", topics, "string");
    d.group("model", [&](Description& inner) { inner.integer("width", width).required(); });
    d.one_of("budget", [&](Description& inner) {
      inner.count("steps", steps);
      inner.duration("time", seconds);
    });
    d.list_of("sources", sources, [](Description& inner, Source& s) {
      inner.text("name", s.name).required().names_each_of("tokens");
      inner.real("weight", s.weight);
    });
    d.steps("clean", clean);
    d.rewards("rewards", weights);
  }
  void run(Context&) override {}

  std::int64_t tokens = 4096;
  double rate = 3e-4;
  std::optional<double> cap = 1.5;
  std::string form = "NFC";
  std::vector<std::string> topics = {"a", "b"};
  std::int32_t width = 0;
  std::optional<std::int64_t> steps;
  std::optional<double> seconds;
  std::vector<Source> sources;
  std::vector<std::string> clean = {"a", "b"};
  std::vector<double> weights;
};

TEST(Description, WritesWhatWasDeclared) {
  Example example;
  Description d;
  example.describe(d);
  const Json json = Json::parse(d.json("example", true));
  EXPECT_EQ(json["summary"], "an \"example\"\nof two lines");
  EXPECT_EQ(json["determinism"], "machine");
  EXPECT_EQ(json["seed"], true);
  EXPECT_EQ(json["devices"], Json::parse(R"(["cpu","cuda"])"));
  EXPECT_EQ(json["inputs"][1], Json::parse(R"({"name":"start","type":"model","optional":true,
                                              "otherwise":"base"})"));
  EXPECT_EQ(json["outputs"][0]["facets"]["role"], "=base");
  const auto& p = json["parameters"];
  EXPECT_EQ(
      p[0],
      Json::parse(
          R"({"name":"tokens","type":"count","default":4096,"min":1.0,"max":1e12,"unit":"tokens",
                                  "help":"how many"})"));
  EXPECT_EQ(p[1]["default"], 3e-4);
  EXPECT_EQ(p[2]["default"], 1.5);
  EXPECT_EQ(p[2]["nullable"], true);
  EXPECT_FALSE(p[1].contains("nullable"));
  EXPECT_EQ(p[3]["choices"], Json::parse(R"(["NFC","NFKC"])"));
  EXPECT_EQ(p[4]["default"], Json::parse(R"(["a","b"])"));
  EXPECT_EQ(p[4]["item"]["type"], "string");
  EXPECT_EQ(p[5]["fields"][0]["required"], true);
  EXPECT_EQ(p[6]["type"], "one_of");
  EXPECT_TRUE(p[6]["default"].is_null());
  EXPECT_TRUE(p[6]["fields"][0]["default"].is_null());
  EXPECT_EQ(p[7]["item"]["fields"][0]["names_each_of"], "tokens");
  EXPECT_EQ(p[7]["item"]["fields"][1]["default"], 1.0);
  EXPECT_EQ(p[8]["type"], "steps");
  EXPECT_EQ(p[9]["type"], "rewards");
}

TEST(Description, FillsTheBoundMembers) {
  const HostValue value(Json::parse(R"({"tokens":7,"rate":2,"cap":null,"form":"NFKC","topics":["c"],
      "model":{"width":64},"budget":{"steps":null,"time":30.0},
      "sources":[{"name":"x","weight":0.5},{"name":"y","weight":1.0}],
      "clean":[{"name":"filter.length","with":{}}],"rewards":[{"name":"a.b","weight":0.25,"with":{}}]})"));
  const auto example = detail::bind<Example>(value.get());
  EXPECT_EQ(example->tokens, 7);
  EXPECT_EQ(example->rate, 2.0) << "an integer is a number too";
  EXPECT_FALSE(example->cap) << "null takes the default away";
  EXPECT_EQ(example->form, "NFKC");
  EXPECT_EQ(example->topics, std::vector<std::string>{"c"});
  EXPECT_EQ(example->width, 64);
  EXPECT_FALSE(example->steps);
  EXPECT_EQ(example->seconds, 30.0);
  ASSERT_EQ(example->sources.size(), 2u);
  EXPECT_EQ(example->sources[1].name, "y");
  EXPECT_EQ(example->sources[0].weight, 0.5);
  EXPECT_EQ(example->clean, std::vector<std::string>{"filter.length"});
  EXPECT_EQ(example->weights, std::vector<double>{0.25});
}

TEST(Description, RefusesAValueOfAnotherKind) {
  const HostValue value(Json::parse(R"({"tokens":"many"})"));
  EXPECT_THROW(detail::bind<Example>(value.get()), Error);
}

TEST(Description, RefusesANumberThatItsMemberCannotHold) {
  for (const char* width : {"3000000000", "-3000000000"}) {
    const HostValue value(Json::parse(R"({"model":{"width":)" + std::string(width) + "}}"));
    try {
      detail::bind<Example>(value.get());
      ADD_FAILURE() << width;
    } catch (const Error& e) {
      EXPECT_EQ(e.what(), "width: " + std::string(width) + " is more than this parameter can hold");
    }
  }
}

TEST(Context, TagsThatAreKeptMayHoldQuotes) {
  static std::string told;
  lehr_host host{};
  host.state_commit = [](lehr_context*, lehr_str, lehr_str keep) {
    told = view(keep);
    return LEHR_OK;
  };
  Context(nullptr, &host).commit_state("now", {"best", "a \"b\" \\c"});
  EXPECT_EQ(Json::parse(told), Json::array({"best", "a \"b\" \\c"}));
}

TEST(Description, NumbersReadBackAsTheSameDouble) {
  for (const double v : {0.1, 1e-300, 2.5e20, 3.0, -0.0, 1.0 / 3})
    EXPECT_EQ(std::stod(json_number(v)), v);
  EXPECT_EQ(json_number(std::nan("")), "null");
}

struct Fussy : DocumentStep {
  void describe(Description& d) override { d.summary("drops what is empty, shouts the rest"); }
  void process(Document& document) override {
    if (document.text() == "boom") throw Error("no booms");
    if (document.text().empty()) return document.drop("empty");
    document.rewrite(std::string(document.text()) + "!");
  }
};

TEST(StepTable, JudgesABatchOfWiderElements) {
  const lehr_step table = detail::step_table<Fussy>(borrow("fussy"));
  std::string message;
  const lehr_sink sink{sizeof sink, &message,
                       [](void* self, lehr_str s) { *static_cast<std::string*>(self) = view(s); }};
  void* instance = nullptr;
  const HostValue none(Json::object());
  ASSERT_EQ(table.create(none.get(), &sink, &instance), LEHR_OK);
  struct Wider {
    lehr_document document;
    char grown[24];
  } batch[3] = {};
  batch[1].document.text = borrow("hey");
  batch[2].document.text = borrow("you");
  ASSERT_EQ(table.process(instance, &batch[0].document, 3, sizeof(Wider), &sink), LEHR_OK);
  EXPECT_EQ(batch[0].document.verdict, static_cast<std::uint32_t>(LEHR_DROP));
  EXPECT_EQ(view(batch[0].document.reason), "empty");
  EXPECT_EQ(view(batch[1].document.rewritten), "hey!");
  EXPECT_EQ(view(batch[2].document.rewritten), "you!");
  batch[0].document.id = borrow("d0");
  batch[0].document.text = borrow("boom");
  EXPECT_EQ(table.process(instance, &batch[0].document, 1, sizeof(Wider), &sink), LEHR_FAILED);
  EXPECT_EQ(message, "document 'd0': no booms");
  table.destroy(instance);
}

struct Foretelling : Stage {
  void describe(Description& d) override { d.summary("tells what it is told"); }
  void estimate(const std::vector<Input>& inputs, Estimate& out) override {
    out.steps = static_cast<double>(inputs.size());
    out.flops = 7;
    out.seconds = 5;
    out.at_most = LEHR_AT_MOST_FLOPS;
    for (const Input& in : inputs)
      if (!in.facts.empty()) out.outputs[in.port] = in.facts;
  }
  void run(Context&) override {}
};

TEST(StageTable, TellsOfOutputsWhatItIsToldOfInputs) {
  const lehr_stage table = detail::stage_table<Foretelling>(borrow("foretelling"));
  const HostValue none(Json::object());
  std::string told;
  const lehr_sink sink{sizeof sink, &told,
                       [](void* self, lehr_str s) { *static_cast<std::string*>(self) = view(s); }};
  struct Wider {
    lehr_input input;
    char grown[24];
  } inputs[2] = {};
  inputs[0].input.port = borrow("a");
  inputs[1].input.port = borrow("b");
  inputs[1].input.facts = borrow("{\"size\":3}");
  lehr_estimate out{sizeof out, -1, -1, -1, -1, -1, -1, -1, 0, &sink};
  ASSERT_EQ(table.estimate(none.get(), &inputs[0].input, 2, sizeof(Wider), &out, &sink), LEHR_OK);
  EXPECT_EQ(out.steps, 2);
  EXPECT_EQ(out.seconds, 5);
  EXPECT_EQ(out.at_most, std::uint64_t{LEHR_AT_MOST_FLOPS});
  EXPECT_EQ(told, R"({"b":{"size":3}})");
}

// As version 1 was frozen: an input ends with its facets, an estimate with its disk_bytes.
TEST(StageTable, EstimatesForTheFirstHosts) {
  const lehr_stage table = detail::stage_table<Foretelling>(borrow("foretelling"));
  const HostValue none(Json::object());
  constexpr std::size_t kInputSize = 96, kEstimateSize = 56;
  alignas(lehr_input) char inputs[2 * kInputSize + sizeof(lehr_input)];
  std::memset(inputs, 0x55, sizeof inputs);
  for (std::size_t i = 0; i < 2; ++i) std::memset(inputs + i * kInputSize, 0, kInputSize);
  lehr_estimate out;
  std::memset(static_cast<void*>(&out), 0x55, sizeof out);
  const lehr_estimate untouched = out;
  out.size = kEstimateSize;
  out.steps = out.flops = -1;
  ASSERT_EQ(table.estimate(none.get(), reinterpret_cast<const lehr_input*>(inputs), 2, kInputSize,
                           &out, nullptr),
            LEHR_OK);
  EXPECT_EQ(out.steps, 2);
  EXPECT_EQ(out.flops, 7);
  EXPECT_EQ(std::memcmp(reinterpret_cast<const char*>(&out) + kEstimateSize,
                        reinterpret_cast<const char*>(&untouched) + kEstimateSize,
                        sizeof out - kEstimateSize),
            0);
}

struct Matching : Stage {
  void describe(Description& d) override {
    d.input("b", "letters").list();
    d.list("weights", weights, "float");
  }
  void check_inputs(const std::vector<Input>& inputs) override {
    if (weights.size() != connected(inputs, "b")) throw Error("weights: one for each");
  }
  void run(Context&) override { const std::vector<char> much(std::size_t{1} << 60); }
  std::vector<double> weights;
};

TEST(StageTable, AsksForRulesAboutWhatIsConnected) {
  EXPECT_EQ(detail::stage_table<Foretelling>(borrow("f")).check_inputs, nullptr) << "it has none";
  const lehr_stage table = detail::stage_table<Matching>(borrow("matching"));
  const HostValue two(Json{{"weights", {1.0, 2.0}}});
  std::string told;
  const lehr_sink sink{sizeof sink, &told,
                       [](void* self, lehr_str s) { *static_cast<std::string*>(self) = view(s); }};
  lehr_input inputs[2] = {};
  inputs[0].port = inputs[1].port = borrow("b");
  const auto ask = [&](std::size_t count) {
    return table.check_inputs(two.get(), inputs, count, sizeof(lehr_input), &sink);
  };
  EXPECT_EQ(ask(2), LEHR_OK);
  EXPECT_EQ(ask(1), LEHR_FAILED);
  EXPECT_EQ(told, "weights: one for each");
}

// Of what a stage of another compiler could not allocate, no more is known.
TEST(StageTable, TellsThatMemoryIsShortInWords) {
  const lehr_stage table = detail::stage_table<Matching>(borrow("matching"));
  static std::string told;
  static const HostValue none(Json{{"weights", Json::array()}});
  lehr_host host{};
  host.size = sizeof host;
  host.parameters = [](lehr_context*) { return none.get(); };
  host.input_count = [](lehr_context*) { return std::size_t{0}; };
  host.fail = [](lehr_context*, lehr_str why) { told = view(why); };
  EXPECT_EQ(table.run(nullptr, &host), LEHR_FAILED);
  EXPECT_EQ(told, "not enough memory");
}

TEST(PluginTable, RefusesAnOlderHost) {
  Plugin plugin = Plugin("old", "1").step<Fussy>("fussy");
  lehr_host host{};
  host.abi = 0;
  EXPECT_EQ(plugin.table(&host), nullptr);
  host.abi = LEHR_ABI_VERSION + 5;
  const lehr_plugin* table = plugin.table(&host);
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(Json::parse(view(table->description))["steps"][0]["name"], "fussy");
}

TEST(PluginTable, TellsAHostThatCanHearItWhyThereIsNoTable) {
  static std::string heard;
  lehr_host host{};
  host.refuse = [](lehr_str why) { heard = view(why); };
  host.size = offsetof(lehr_host, refuse);  // an older one
  detail::refuse(&host, "no reason");
  EXPECT_EQ(heard, "");
  host.size = sizeof host;
  detail::refuse(&host, "no reason");
  EXPECT_EQ(heard, "no reason");
}

}  // namespace
}  // namespace lehr
