#include "evaluate_stage.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <numbers>
#include <sstream>
#include <string>

#include "lm/byte_model_test.h"
#include "lm/fake_host.h"
#include "lm/model_folder.h"
#include "lm/operators.h"
#include "lm/random.h"
#include "lm/reward_scores.h"
#include "text/answer_match.h"
#include "text/chat.h"
#include "text/fake_host.h"
#include "text/token_shards.h"
#include "text/utf8_repair.h"

namespace lehr::plugins::evaluate {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kLength = 2500;  // tokens of the one document
constexpr const char* kProbe =
    R"({"id":"1","kind":"next","text":"The sky is","choices":["blue","red"],"answers":["blue"]})";

// The fake host; an input has the name of its folder for its label, and its path for its digest.
const lehr_host* host_with_labels() {
  static const lehr_host host = [] {
    lehr_host h = *lm::fake_host();
    h.input = [](lehr_context* self, size_t index, lehr_input* out, size_t size) {
      lm::fake_host()->input(self, index, out, size);
      out->digest = out->path;
      const std::string_view path = view(out->path);
      out->label = borrow(path.substr(path.rfind('/') + 1));
      return LEHR_OK;
    };
    return h;
  }();
  return &host;
}

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A random model far from uniform predictions, one document of random bytes, one probe.
class Evaluate : public testing::Test {
 protected:
  void SetUp() override {
    const text::Tokenizer tokenizer = lm::byte_tokenizer();
    lm::ModelConfig config = lm::byte_model(tokenizer, 4096);
    config.initializer_range = 0.5;
    model_ = lm::Model::create(config, 1, lm::Precision::kFp32);
    for (const char* port : {"models", "probes", "tokens"}) {
      std::filesystem::create_directory(host_.root / port);
      host_.inputs.emplace_back(port, (host_.root / port).string());
    }
    lm::save_model_folder(host_.root / "models", *model_, tokenizer);
    std::ofstream(host_.root / "probes/probes.jsonl") << kProbe << "\n";
    const lm::Random random(3, lm::Purpose::kUser);
    for (std::int64_t i = 0; i < kLength; ++i)
      ids_.push_back(tokenizer.encode(std::string(
          1, static_cast<char>('a' + random.below(static_cast<std::uint64_t>(i), 26))))[0]);
    text::TokenShardWriter writer(host_.root / "tokens", "eval", tokenizer.vocab_size());
    writer.add(ids_, ids_.size());
    text::write_tokens_json(host_.root / "tokens", tokenizer.vocab_size(), {}, writer.finish());
  }
  void run(int max_new_tokens = 2, const nlohmann::json& more = nlohmann::json::object()) {
    host_.results.clear();
    host_.progress.clear();
    nlohmann::json with = {{"precision", "fp32"}, {"max_new_tokens", max_new_tokens}};
    with.update(more);
    const text::ValueTree values(with);
    host_.parameters = values.root();
    Context context(&host_, host_with_labels());
    detail::bind<EvaluateStage>(values.root())->run(context);
  }
  // In one segment; every token is one byte.
  double bits_per_byte() const {
    const at::NoGradGuard no_gradients;
    lm::PackedBatch batch;
    for (std::int32_t i = 0; i + 1 < kLength; ++i) {
      batch.ids.push_back(static_cast<std::int32_t>(ids_[static_cast<std::size_t>(i)]));
      batch.positions.push_back(i);
      batch.loss_entries.push_back(
          {i, static_cast<std::int32_t>(ids_[static_cast<std::size_t>(i) + 1]), 1.0f, 0});
    }
    batch.segments.push_back({0, kLength - 1, 0, 0});
    const at::Tensor nll =
        lm::linear_cross_entropy(model_->forward_hidden(batch), model_->head(), batch.loss_entries)
            .nll;
    return nll.sum().item<double>() / (std::numbers::ln2 * (kLength - 1));
  }

  // A folder with another model than `models`.
  fs::path other_model(const std::string& name) {
    const text::Tokenizer tokenizer = lm::byte_tokenizer();
    lm::ModelConfig config = lm::byte_model(tokenizer, 4096);
    config.initializer_range = 0.5;
    fs::create_directory(host_.root / name);
    lm::save_model_folder(host_.root / name, lm::Model::create(config, 2, lm::Precision::kFp32),
                          tokenizer);
    return host_.root / name;
  }
  // The evaluation that was made last becomes an input, `earlier`.
  void connect_evaluation() {
    fs::rename(host_.root / "out/evaluation", host_.root / "earlier");
    host_.inputs.emplace_back("evaluations", (host_.root / "earlier").string());
    host_.input_facets["evaluations"] = R"({"probes":"p","max_new_tokens":"2"})";
  }
  void disconnect(const std::string& port) {
    std::erase_if(host_.inputs, [&](const auto& input) { return input.first == port; });
  }
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> out;
    for (const char* name : {"table.txt", "evaluation.json", "samples.jsonl"})
      out[name] = content(host_.root / "out/evaluation" / name);
    return out;
  }
  std::string refusal() {
    try {
      run();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  lehr_context host_;
  std::optional<lm::Model> model_;
  std::vector<text::TokenId> ids_;
};

TEST_F(Evaluate, PredictsHeldOutTokensFromAllThatTheModelCanSee) {
  run();
  EXPECT_NEAR(host_.results.at("bits_per_byte@models"), bits_per_byte(), 1e-5);
}

TEST_F(Evaluate, TokensOfAnotherTokenizerSayNothing) {
  host_.input_facets["models"] = R"({"tokenizer":"aa"})";
  host_.input_facets["tokens"] = R"({"tokenizer":"bb"})";
  run();
  EXPECT_FALSE(host_.results.contains("bits_per_byte@models"));
  EXPECT_TRUE(host_.results.contains("accuracy@models"));
  host_.input_facets["tokens"] = R"({"tokenizer":"aa"})";
  run();
  EXPECT_TRUE(host_.results.contains("bits_per_byte@models"));
}

TEST_F(Evaluate, TokensWithoutAHeldOutPartSayNothing) {
  std::filesystem::remove_all(host_.root / "tokens");
  std::filesystem::create_directory(host_.root / "tokens");
  const std::size_t vocabulary = lm::byte_tokenizer().vocab_size();
  text::TokenShardWriter writer(host_.root / "tokens", "train", vocabulary);
  writer.add(ids_, ids_.size());
  text::write_tokens_json(host_.root / "tokens", vocabulary, writer.finish(), {});
  run();
  EXPECT_FALSE(host_.results.contains("bits_per_byte@models"));
  EXPECT_TRUE(host_.results.contains("accuracy@models"));
}

// Imported models' embeddings are often larger than their vocabularies; here nearly all is padding,
// so that greedy answers consist of it.
TEST_F(Evaluate, RowsBeyondTheVocabularyHaveNoText) {
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  lm::ModelConfig config = lm::byte_model(tokenizer, 4096);
  config.vocab_size = 8192;
  config.initializer_range = 0.5;
  lm::save_model_folder(host_.root / "models", lm::Model::create(config, 1, lm::Precision::kFp32),
                        tokenizer);
  run();
  EXPECT_EQ(host_.results.at("completion@models"), 0);
}

TEST_F(Evaluate, CountsTheAnswersOfEveryModelOnce) {
  host_.inputs.insert(host_.inputs.begin(), {"models", (host_.root / "models").string()});
  run();
  EXPECT_EQ(host_.progress, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 2}, {2, 2}}));
}

TEST_F(Evaluate, DoesNotAskModelsAgainThatAnEvaluationHas) {
  const std::string other = other_model("other");
  run(24);
  connect_evaluation();
  host_.inputs.emplace_back("models", other);  // and a model comes in addition
  const auto second = [&] { std::swap(host_.inputs.front(), host_.inputs.back()); };
  for (int order = 0; order < 2; ++order, second()) {
    const auto inputs = host_.inputs;
    disconnect("evaluations");
    run(24);
    EXPECT_EQ(host_.progress.size(), 2u);
    const auto expected = files();
    const auto results = host_.results;
    EXPECT_EQ(results.size(), 18u);
    EXPECT_TRUE(text::is_valid_utf8(expected.at("table.txt")));
    EXPECT_NE(expected.at("samples.jsonl").find("\xEF\xBF\xBD"), std::string::npos)
        << "it holds no answer that is not UTF-8, which would be the hard case";

    host_.inputs = inputs;
    fs::rename(host_.root / "models/model.safetensors", host_.root / "hidden");  // nor read
    run(24);
    fs::rename(host_.root / "hidden", host_.root / "models/model.safetensors");
    EXPECT_EQ(files(), expected);
    EXPECT_EQ(host_.results, results);
    EXPECT_EQ(host_.progress, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 1}}));
    EXPECT_TRUE(host_.messages.empty());
  }
}

TEST_F(Evaluate, MeasuresTokensThatAnEvaluationLacks) {
  run();
  const auto with_tokens = files();
  disconnect("tokens");
  run();
  const auto without = files();
  EXPECT_NE(without, with_tokens);
  connect_evaluation();
  host_.inputs.emplace_back("tokens", (host_.root / "tokens").string());
  run();
  EXPECT_EQ(files(), with_tokens);
  EXPECT_TRUE(host_.progress.empty()) << "no question is asked";

  disconnect("evaluations");
  fs::remove_all(host_.root / "earlier");
  connect_evaluation();
  disconnect("tokens");
  run();
  EXPECT_EQ(files(), without);
}

TEST_F(Evaluate, WarnsOfAnEvaluationOfOtherModels) {
  run();
  connect_evaluation();
  const std::string other = other_model("other");
  disconnect("models");
  host_.inputs.emplace_back("models", other);
  run();
  ASSERT_EQ(host_.messages.size(), 1u);
  EXPECT_EQ(host_.messages[0], "'earlier' evaluated none of the models");
  EXPECT_EQ(host_.progress.size(), 1u);
}

TEST_F(Evaluate, RefusesAnEvaluationOfOtherProbesOrDamaged) {
  run();
  connect_evaluation();
  EXPECT_EQ(refusal(), "");
  const fs::path probes = host_.root / "probes/probes.jsonl";
  std::string other = kProbe;
  std::ofstream(probes) << other << "\n" << other.replace(other.find('1'), 1, "2") << "\n";
  EXPECT_EQ(refusal(), "input 'evaluations' (earlier): it is not of these probes");
  std::ofstream(probes) << other << "\n";
  EXPECT_EQ(refusal(), "input 'evaluations' (earlier): it is not of these probes");
  std::ofstream(probes) << kProbe << "\n";
  EXPECT_EQ(refusal(), "");
  std::ofstream(host_.root / "earlier/samples.jsonl") << R"({"id":"1","models":{}})";
  EXPECT_TRUE(refusal().starts_with("input 'evaluations' (earlier): it is damaged, line 1: "))
      << refusal();
  std::ofstream(host_.root / "earlier/evaluation.json") << "{";
  EXPECT_TRUE(refusal().starts_with("input 'evaluations' (earlier): it is damaged")) << refusal();
}

TEST_F(Evaluate, RefusesAnEvaluationThatDoesNotSayHowItWasMade) {
  run();
  connect_evaluation();
  host_.input_facets["evaluations"] = "{}";
  EXPECT_NE(refusal().find("'evaluations' (earlier): it does not say with which parameters"),
            std::string::npos)
      << refusal();
}

TEST_F(Evaluate, HoldsTheOthersBesideOneAndAsksAJudge) {
  std::ofstream(host_.root / "probes/probes.jsonl")
      << kProbe << "\n"
      << R"({"id":"2","kind":"unknowable","prompt":[{"role":"user","content":"Who am I?"}]})"
      << "\n";
  host_.inputs.emplace_back("models", other_model("other"));
  run(4);
  EXPECT_FALSE(host_.results.contains("score@other"));
  const std::string plain = content(host_.root / "out/evaluation/table.txt");
  EXPECT_EQ(plain.find("beside"), plain.npos);

  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  const fs::path folder = host_.root / "judge";
  fs::create_directory(folder);
  lm::ModelConfig config = lm::byte_model(tokenizer, 4096);
  config.initializer_range = 0.5;
  const lm::Model judge = lm::Model::create(config, 3, lm::Precision::kFp32).with_score_head(2);
  lm::save_model_folder(folder, judge, tokenizer);
  host_.inputs.emplace_back("judge", folder);
  run(4, {{"against", "models"}});

  std::map<std::string, double> expected;
  const auto samples = content(host_.root / "out/evaluation/samples.jsonl");
  const auto row = nlohmann::json::parse(samples.substr(samples.find('\n')));
  text::Tokenizer::Cache cache;
  const std::vector<text::Message> asked = {{"user", "Who am I?"}};
  for (const char* model : {"models", "other"}) {
    const auto prompt = text::render_prompt(tokenizer, asked, cache);
    std::vector<std::int32_t> ids(prompt.begin(), prompt.end());
    for (const text::TokenId id :
         text::render_answer(tokenizer, row["models"][model]["answer"].get<std::string>(), cache))
      ids.push_back(static_cast<std::int32_t>(id));
    expected[model] = lm::score_sequences(judge, std::span(&ids, 1), 4096).front();
    EXPECT_NEAR(host_.results.at(std::string("score@") + model), expected[model], 1e-4);
    EXPECT_NEAR(row["models"][model]["score"].get<double>(), expected[model], 1e-4);
  }
  ASSERT_NE(expected["other"], expected["models"]) << "else nothing is preferred";
  EXPECT_EQ(host_.results.at("preferred@other"), expected["other"] > expected["models"]);
  EXPECT_FALSE(host_.results.contains("preferred@models")) << "it is not held beside itself";
  const std::string table = content(host_.root / "out/evaluation/table.txt");
  EXPECT_NE(table.find("beside models:"), table.npos) << table;
}

std::string probe_of(const char* kind, const text::Messages& prompt,
                     const std::vector<std::string>& answers) {
  text::Probe probe;
  probe.id = kind;
  probe.kind = kind;
  probe.prompt = prompt;
  probe.answers = answers;
  return text::to_json(probe) + "\n";
}

// A model as it is says what it says: its own answer is made the right one, and the conversation
// with the doubt is a probe of its own beside it.
TEST_F(Evaluate, DoubtsRightAnswers) {
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  lm::ModelConfig config = lm::byte_model(tokenizer, 256);
  config.initializer_range = 0.5;
  disconnect("tokens");
  const text::Messages asked = {{"user", "Who?"}};
  const auto ask = [&](const std::string& probes, const nlohmann::json& more) {
    std::ofstream(host_.root / "probes/probes.jsonl") << probes;
    run(2, more);
    std::vector<std::string> answers;
    std::istringstream rows(content(host_.root / "out/evaluation/samples.jsonl"));
    for (std::string row; std::getline(rows, row);)
      answers.push_back(nlohmann::json::parse(row)["models"]["models"]["answer"]);
    return answers;
  };
  const auto is_plain = [](const std::string& answer) {
    return !text::normalized_answer(answer).empty() && answer.find("\xEF\xBF\xBD") == answer.npos;
  };
  int seen[2] = {0, 0};
  for (int seed = 0; seed < 20; ++seed) {
    lm::save_model_folder(host_.root / "models",
                          lm::Model::create(config, static_cast<std::uint64_t>(seed)), tokenizer);
    const std::string first =
        ask(probe_of("unknowable", asked, {}), nlohmann::json::object()).front();
    if (!is_plain(first)) continue;
    const text::Messages doubted = {asked[0], {"assistant", first}, {"user", "No. Who?"}};
    const auto answers =
        ask(probe_of("answer", asked, {first}) + probe_of("unknowable", doubted, {}),
            {{"pushback", "No."}});
    ASSERT_EQ(answers.front(), first);
    if (!is_plain(answers.back())) continue;
    const bool steady = text::is_exact(answers.back(), std::vector{first});
    ASSERT_EQ(host_.results.at("steady@models"), steady) << first << " " << answers.back();
    EXPECT_NE(content(host_.root / "out/evaluation/table.txt").find("kept when doubted"),
              std::string::npos);
    ++seen[steady];
  }
  EXPECT_GT(seen[0] + seen[1], 0) << "no model said anything that can be asked for";
}

TEST_F(Evaluate, NamesAnAnswerThatIsTooLongForTheJudge) {
  std::ofstream(host_.root / "probes/probes.jsonl")
      << R"({"id":"2","kind":"unknowable","prompt":[{"role":"user","content":"Who am I?"}]})"
      << "\n";
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  const fs::path folder = host_.root / "judge";
  fs::create_directory(folder);
  lm::save_model_folder(
      folder, lm::Model::create(lm::byte_model(tokenizer, 16), 3).with_score_head(2), tokenizer);
  host_.inputs.emplace_back("judge", folder);
  EXPECT_TRUE(refusal().starts_with("probe '2': with the answer of 'models' it has ")) << refusal();
}

TEST(EvaluateStage, ComparesWithOneOfItsModels) {
  Input model;
  model.port = "models";
  model.label = "base";
  const auto with = [](const char* against) {
    const text::ValueTree values(nlohmann::json{{"against", against}});
    return detail::bind<EvaluateStage>(values.root());
  };
  EXPECT_NO_THROW(with("base")->check_inputs({model}));
  try {
    with("bass")->check_inputs({model});
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "against: 'bass' is none of the models, which are base");
  }
}

TEST(EvaluateStage, RefusesTwoModelsOfOneName) {
  Input model;
  model.port = "models";
  model.label = "pair";
  EXPECT_NO_THROW(EvaluateStage().check_inputs({model}));
  try {
    EvaluateStage().check_inputs({model, model});
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("models: two of them are named 'pair'"));
  }
}

TEST_F(Evaluate, TellsOfAnswersThatTheContextLimits) {
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  lm::save_model_folder(host_.root / "models",
                        lm::Model::create(lm::byte_model(tokenizer, 32), 1, lm::Precision::kFp32),
                        tokenizer);
  run(32);
  EXPECT_TRUE(host_.messages.empty());
  run(33);
  ASSERT_EQ(host_.messages.size(), 1u);
  EXPECT_NE(host_.messages[0].find("max_new_tokens: 33 is above the model's context"),
            std::string::npos);
}

TEST_F(Evaluate, NamesAProbeThatLeavesNoRoomForAnAnswer) {
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  lm::save_model_folder(host_.root / "models",
                        lm::Model::create(lm::byte_model(tokenizer, 10), 1, lm::Precision::kFp32),
                        tokenizer);
  try {
    run();
    FAIL() << "10 bytes and a token more fit into a context of 10";
  } catch (const Error& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("probe '1': 11 tokens")) << error.what();
  }
}

}  // namespace
}  // namespace lehr::plugins::evaluate
