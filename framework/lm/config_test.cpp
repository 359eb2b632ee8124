#include "lm/config.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace lehr::lm {
namespace {

TEST(ModelConfig, SurvivesItsOwnJson) {
  ModelConfig config;
  config.kv_heads = 3;
  config.rope_theta = 500000.0;
  config.head = HeadKind::kScore;
  config.eos_token_id = 0;
  config.pad_token_id = 1;
  EXPECT_EQ(config_from_json(config_to_json(config), "test"), config);
}

TEST(ModelConfig, KeepsEveryFamilyAndItsRope) {
  for (const Family family : {Family::kLlama, Family::kQwen2, Family::kQwen3}) {
    ModelConfig config;
    config.family = family;
    config.rope_scaling = {32.0, 1.0, 4.0, 8192};
    EXPECT_EQ(config_from_json(config_to_json(config), "test"), config) << family_name(family);
  }
}

TEST(ModelConfig, WritesBothGenerationsOfKeys) {
  const auto j = nlohmann::json::parse(config_to_json({}));
  EXPECT_EQ(j["rope_theta"], j["rope_parameters"]["rope_theta"]);
  EXPECT_EQ(j["torch_dtype"], j["dtype"]);
  EXPECT_EQ(j["architectures"][0], "LlamaForCausalLM");
}

TEST(ModelConfig, RefusesWhatItCannotComputeExactly) {
  auto j = nlohmann::json::parse(config_to_json({}));
  j["rope_scaling"] = {{"rope_type", "yarn"}, {"factor", 8.0}};
  EXPECT_THROW(config_from_json(j.dump(), "test"), std::runtime_error);
  j.erase("rope_scaling");
  j["attention_bias"] = true;
  EXPECT_THROW(config_from_json(j.dump(), "test"), std::runtime_error);
  j["attention_bias"] = false;
  j["num_key_value_heads"] = 4;  // does not divide 6
  EXPECT_THROW(config_from_json(j.dump(), "test"), std::runtime_error);
  EXPECT_THROW(config_from_json("{", "test"), std::runtime_error);
}

TEST(ModelConfig, RefusesNumbersThatNoModelHas) {
  const auto refusal = [](const char* key, nlohmann::json value) {
    auto j = nlohmann::json::parse(config_to_json({}));
    j[key] = std::move(value);
    try {
      config_from_json(j.dump(), "test");
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(refusal("hidden_size", 1e300).find("expected a whole number"), std::string::npos);
  EXPECT_NE(refusal("vocab_size", "8192").find("expected a whole number"), std::string::npos);
  EXPECT_NE(refusal("eos_token_id", {1e30, 2}).find("expected a whole number"), std::string::npos);
  EXPECT_NE(refusal("num_hidden_layers", (int64_t{1} << 31) - 1).find("at most 4096"),
            std::string::npos);
  EXPECT_NE(refusal("vocab_size", int64_t{1} << 40), "");
}

TEST(ModelConfig, NamesTheKeyThatIsMissingOrChangesTheModel) {
  const auto refusal = [](const std::function<void(nlohmann::json&)>& change) {
    auto j = nlohmann::json::parse(config_to_json({}));
    change(j);
    try {
      config_from_json(j.dump(), "test");
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(refusal([](auto& j) { j.erase("hidden_size"); }), "test: there is no 'hidden_size'");
  EXPECT_TRUE(refusal([](auto& j) { j["rms_norm_eps"] = "no"; }).starts_with("test: type must be"));
  EXPECT_EQ(refusal([](auto& j) { j["partial_rotary_factor"] = 1.0; }), "");
  for (const char* inside : {"", "rope_parameters"})
    EXPECT_EQ(
        refusal([&](auto& j) { (*inside != '\0' ? j[inside] : j)["partial_rotary_factor"] = 0.5; }),
        "test: 'partial_rotary_factor' is 0.5; only 1 is supported");
  EXPECT_NE(refusal([](auto& j) {
              j["quantization_config"] = {{"quant_method", "bitsandbytes"}};
            }).find("'quantization_config'"),
            std::string::npos);
  EXPECT_EQ(refusal([](auto& j) { j["quantization_config"] = nullptr; }), "");
  for (const std::string key : {"eos_token_id", "bos_token_id"})
    EXPECT_EQ(refusal([&](auto& j) { j[key] = j["vocab_size"]; }),
              "test: model config: " + key + " is '8192', outside the vocabulary of 8192");
}

// Its sides are each within bounds; multiplied they overflow what counts them.
TEST(ModelConfig, RefusesSidesWhoseProductOverflows) {
  ModelConfig config;
  config.hidden_size = config.intermediate_size = config.head_dim = (1 << 30);
  EXPECT_THROW(config.validate(), std::invalid_argument);
}

TEST(ModelConfig, RefusesAFileThatIsNestedToOverrunTheStack) {
  auto text = config_to_json({});
  text.insert(1,
              "\"hidden_act\":" + std::string(2'000'000, '[') + std::string(2'000'000, ']') + ",");
  EXPECT_THROW(config_from_json(text, "test"), std::runtime_error);
  EXPECT_THROW(config_from_json("[]", "test"), std::runtime_error);
}

// 13.8M: the small shape of the performance notes.
TEST(ModelConfig, CountsParametersAndFlops) {
  const ModelConfig c;
  const int64_t layer = 4 * 384 * 384 + 3 * 384 * 1024;
  EXPECT_EQ(c.matmul_parameters(), 6 * layer + 8192 * 384);
  EXPECT_EQ(c.parameters(), 6 * layer + 8192 * 384 + 13 * 384);
  EXPECT_DOUBLE_EQ(c.flops_per_token(100),
                   6.0 * static_cast<double>(c.matmul_parameters()) + 12.0 * 6 * 384 * 100);
}

}  // namespace
}  // namespace lehr::lm
