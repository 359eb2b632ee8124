#include "lm/gguf.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "lm/gguf_model.h"
#include "lm/random.h"

namespace lehr::lm {
namespace {

namespace fs = std::filesystem;

fs::path temporary(const char* name) { return fs::path(testing::TempDir()) / name; }

std::vector<float> numbers(std::size_t count) {
  const Random random(3, Purpose::kUser);
  std::vector<float> out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(random.normal(i));
  return out;
}

void write_sample(const fs::path& path) {
  const auto values = numbers(4 * 64);
  write_gguf(path,
             {{"general.architecture", std::string("llama")},
              {"a.count", int64_t{7}},
              {"a.rate", 0.5},
              {"a.flag", true},
              {"a.texts", std::vector<std::string>{"x", "", "yy"}},
              {"a.numbers", std::vector<int64_t>{-1, 2}}},
             {{"m", GgmlType::kQ8_0, {4, 64}}, {"v", GgmlType::kF32, {3}}},
             [&](std::size_t i, std::byte* to) {
               quantize(i == 0 ? GgmlType::kQ8_0 : GgmlType::kF32, values.data(), to,
                        i == 0 ? 256 : 3);
             });
}

TEST(Gguf, ReadsWhatItWrites) {
  const fs::path path = temporary("round.gguf");
  write_sample(path);
  const GgufFile file(path);
  EXPECT_EQ(file.text("general.architecture"), "llama");
  EXPECT_EQ(file.integer("a.count"), 7);
  EXPECT_EQ(file.real("a.rate"), 0.5);
  EXPECT_TRUE(*file.get<bool>("a.flag"));
  EXPECT_EQ(*file.get<std::vector<std::string>>("a.texts"),
            (std::vector<std::string>{"x", "", "yy"}));
  EXPECT_EQ(*file.get<std::vector<int64_t>>("a.numbers"), (std::vector<int64_t>{-1, 2}));
  ASSERT_NE(file.find("m"), nullptr);
  EXPECT_EQ(file.find("m")->shape, (std::vector<int64_t>{4, 64}));
  float v[3];
  dequantize(GgmlType::kF32, file.find("v")->data, v, 3);
  EXPECT_EQ(v[2], numbers(3)[2]);
  EXPECT_THROW(file.integer("a.rate"), std::runtime_error);
  fs::remove(path);
}

// Half a step of 1/127 of the block's largest value, and the scale's own rounding to half
// precision.
TEST(Gguf, Q8KeepsValuesWithinHalfAStep) {
  const auto values = numbers(320);
  std::vector<std::byte> packed(320 / 32 * 34);
  std::vector<float> back(320);
  quantize(GgmlType::kQ8_0, values.data(), packed.data(), 320);
  dequantize(GgmlType::kQ8_0, packed.data(), back.data(), 320);
  for (std::size_t i = 0; i < 320; ++i) {
    float largest = 0;
    for (std::size_t j = i / 32 * 32; j < i / 32 * 32 + 32; ++j)
      largest = std::max(largest, std::fabs(values[j]));
    EXPECT_NEAR(back[i], values[i], largest / 127 * 0.5 + largest * 6e-4) << i;
  }
}

TEST(Gguf, CutAnywhereItIsRefused) {
  const fs::path path = temporary("cut.gguf");
  write_sample(path);
  const auto size = fs::file_size(path);
  for (std::uintmax_t length = 1; length < size - 32; length += 7) {
    fs::resize_file(path, length);
    EXPECT_THROW(GgufFile{path}, std::runtime_error) << length;
    write_sample(path);
  }
  fs::remove(path);
}

TEST(Gguf, HostileCountsAreRefusedBeforeAnythingIsAllocated) {
  const fs::path path = temporary("hostile.gguf");
  const uint64_t huge = uint64_t{1} << 62;
  for (const std::size_t at : {std::size_t{8}, std::size_t{16}}) {  // tensors, keys
    write_sample(path);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.write(reinterpret_cast<const char*>(&huge), 8);
    file.close();
    EXPECT_THROW(GgufFile{path}, std::runtime_error);
  }
  fs::remove(path);
}

// No room is made for what keys claim before the tensors bear it out.
TEST(Gguf, KeysThatClaimMoreThanTheFileHoldsAreRefused) {
  const fs::path path = temporary("claim.gguf");
  write_gguf(path,
             {{"general.architecture", std::string("llama")},
              {"llama.embedding_length", int64_t{1 << 22}},
              {"llama.feed_forward_length", int64_t{1 << 22}},
              {"llama.block_count", int64_t{3}},
              {"llama.attention.head_count", int64_t{4}},
              {"llama.attention.key_length", int64_t{64}},
              {"llama.context_length", int64_t{64}},
              {"llama.attention.layer_norm_rms_epsilon", 1e-5}},
             {{"token_embd.weight", GgmlType::kF32, {4, 4}}}, [](std::size_t, std::byte*) {});
  const GgufFile file(path);
  try {
    load_gguf_model(file);
    ADD_FAILURE();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("has not the shape"), std::string::npos)
        << error.what();
  }
  fs::remove(path);
}

}  // namespace
}  // namespace lehr::lm
