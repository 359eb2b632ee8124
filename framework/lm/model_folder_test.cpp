#include "lm/model_folder.h"

#include <gtest/gtest.h>
#include <lehr/value.h>

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "lm/byte_model_test.h"
#include "lm/checkpoint.h"
#include "lm/tensor_bytes_test.h"
#include "text/tokenizer_json.h"

namespace lehr::lm {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class ModelFolder : public testing::Test {
 protected:
  ModelFolder() {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "whole");
  }
  ~ModelFolder() override { fs::remove_all(folder_); }

  const fs::path folder_ =
      fs::temp_directory_path() / ("lehr_model_folder_" + std::to_string(::getpid()));
  const text::Tokenizer tokenizer_ = byte_tokenizer();
};

// Of a reward model, whose adapter holds the score heads whole; their mean is written.
TEST_F(ModelFolder, MergesAnAdapterOneWeightAtATime) {
  ModelConfig config = byte_model(tokenizer_, 64);
  config.hidden_size = 64;
  config.layers = 4;
  Model model = Model::create(config, 1, Precision::kBf16).with_score_head(5, 3);
  LoraOptions lora;
  lora.rank = 2;
  model.add_adapter(lora, 2);
  ParameterBuffer& adapter = model.trained();
  for (int64_t i = 0; i < adapter.weights.numel(); ++i)
    adapter.weights.data_ptr<float>()[i] += 0.01f * static_cast<float>(i % 7);
  const double held = most_bytes([&] { save_model_folder(folder_, model, tokenizer_); });
  const auto largest = std::max_element(
      model.slots().begin(), model.slots().end(),
      [](const ParameterSlot& a, const ParameterSlot& b) { return a.size < b.size; });
  EXPECT_LE(held, 4.0 * static_cast<double>(largest->size)) << "of " << model.weights().nbytes();
  EXPECT_TRUE(model.has_adapter());

  Model merged = model.clone();
  merged.merge_adapter();
  merged.save(folder_ / "whole");
  EXPECT_EQ(contents(folder_ / "model.safetensors"),
            contents(folder_ / "whole" / "model.safetensors"));
}

// transformers 5 would cut its text by Qwen2's expression; see kTokenizerCodeFile.
TEST_F(ModelFolder, NamesATokenizerOfItsOwnForQwen2Alone) {
  for (const Family family : {Family::kQwen2, Family::kLlama, Family::kQwen3}) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    ModelConfig config = byte_model(tokenizer_, 64);
    config.family = family;
    save_model_folder(folder_, Model::create(config, 1), tokenizer_);
    const bool named = read_state(folder_ / "tokenizer_config.json").contains("auto_map");
    EXPECT_EQ(named, family == Family::kQwen2);
    EXPECT_EQ(fs::exists(folder_ / text::kTokenizerCodeFile), named);
    if (!named) continue;
    fs::create_directories(folder_ / "again");
    text::Tokenizer::load(folder_).save(folder_ / "again");
    for (const char* name : {"tokenizer_config.json", text::kTokenizerCodeFile})
      EXPECT_EQ(contents(folder_ / "again" / name), contents(folder_ / name)) << name;
  }
}

TEST_F(ModelFolder, LeavesTheTokenizerClassOfOthers) {
  const std::string theirs = R"({"tokenizer_class": "Qwen2Tokenizer"})";
  std::ofstream(folder_ / "tokenizer_config.json") << theirs;
  name_tokenizer_code(folder_, Family::kQwen2);
  EXPECT_EQ(contents(folder_ / "tokenizer_config.json"), theirs);
  EXPECT_FALSE(fs::exists(folder_ / text::kTokenizerCodeFile));
}

}  // namespace
}  // namespace lehr::lm
