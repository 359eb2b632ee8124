#include "lm/gguf.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>

#include "lm/byte_model_test.h"
#include "lm/gguf_config.h"
#include "lm/gguf_model.h"
#include "lm/model_folder.h"
#include "lm/random.h"
#include "lm/tensor_bytes_test.h"

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

float half_of(const std::vector<unsigned char>& bytes, std::size_t at) {
  const int sign = bytes[at + 1] >> 7, exponent = bytes[at + 1] >> 2 & 31,
            fraction = (bytes[at + 1] & 3) << 8 | bytes[at];
  const double size =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return static_cast<float>(sign == 1 ? -size : size);
}

// Value i as ggml-common.h lays its block out, one at a time. `block`: where it begins.
float value_of(GgmlType type, const std::vector<unsigned char>& b, std::size_t block,
               std::size_t i) {
  const auto signed_at = [&](std::size_t at) { return static_cast<signed char>(b[block + at]); };
  const auto nibble = [&](std::size_t first) {
    return i < 16 ? b[block + first + i] & 15 : b[block + first + i - 16] >> 4;
  };
  const float d = half_of(b, type == GgmlType::kQ6_K ? block + 208 : block);
  switch (type) {
    case GgmlType::kF16:
      return d;
    case GgmlType::kQ8_0:  // d, 32 signed bytes
      return d * static_cast<float>(signed_at(2 + i));
    case GgmlType::kQ4_0:  // d, 16 bytes: values 0 to 15 below, 16 to 31 above
      return d * static_cast<float>(nibble(2) - 8);
    case GgmlType::kQ4_1:  // d, the least value, 16 bytes
      return d * static_cast<float>(nibble(4)) + half_of(b, block + 2);
    case GgmlType::kQ6_K: {  // ql[128], qh[64], scales[16], d; each half of 128 has half of them
      const std::size_t half = i / 128, quarter = i % 128 / 32, l = i % 32;
      const int low = b[block + 64 * half + 32 * (quarter % 2) + l] >> (quarter < 2 ? 0 : 4) & 15;
      const int high = b[block + 128 + 32 * half + l] >> (2 * quarter) & 3;
      return d * static_cast<float>(signed_at(192 + i / 16)) *
             static_cast<float>((high << 4 | low) - 32);
    }
    default: {  // F32, and BF16, which is its upper half
      float value = 0;
      const auto bytes = static_cast<std::size_t>(ggml_block_bytes(type));
      std::memcpy(reinterpret_cast<unsigned char*>(&value) + 4 - bytes, &b[block], bytes);
      return value;
    }
  }
}

// Every bit pattern but those of infinities, NaN and the largest scales.
std::vector<unsigned char> random_blocks(GgmlType type, std::size_t blocks) {
  const auto bytes = static_cast<std::size_t>(ggml_block_bytes(type));
  const Random random(4, Purpose::kUser);
  std::vector<unsigned char> out(blocks * bytes);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<unsigned char>(random.below(i, 256));
  for (std::size_t block = 0; block < out.size(); block += bytes) {
    // The upper byte of a half, of a float32 or of a bfloat16: exponents below their middle.
    const auto lower = [&](std::size_t at) { out[block + at] &= 0xBF; };
    if (type == GgmlType::kQ6_K) {
      lower(209);
    } else if (ggml_block_size(type) > 1) {
      lower(1);
      if (type == GgmlType::kQ4_1) lower(3);
    } else {
      lower(bytes - 1);
    }
  }
  return out;
}

TEST(Gguf, EveryTypeIsReadAsItsDefinitionSays) {
  const std::pair<GgmlType, const char*> types[] = {
      {GgmlType::kF32, "F32"},   {GgmlType::kF16, "F16"},   {GgmlType::kBF16, "BF16"},
      {GgmlType::kQ8_0, "Q8_0"}, {GgmlType::kQ4_0, "Q4_0"}, {GgmlType::kQ4_1, "Q4_1"},
      {GgmlType::kQ6_K, "Q6_K"}};
  for (const auto& [type, name] : types) {
    EXPECT_EQ(ggml_type_name(type), name);
    constexpr std::size_t kBlocks = 40;
    const auto size = static_cast<std::size_t>(ggml_block_size(type));
    const auto bytes = random_blocks(type, kBlocks);
    std::vector<float> values(kBlocks * size);
    dequantize(type, reinterpret_cast<const std::byte*>(bytes.data()), values.data(),
               static_cast<int64_t>(values.size()));
    for (std::size_t i = 0; i < values.size(); ++i) {
      // Equal, not near: products of a half and few bits are exact, so that one rounding is left.
      ASSERT_EQ(values[i], value_of(type, bytes, i / size * bytes.size() / kBlocks, i % size))
          << name << " " << i;
    }
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

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Gguf, IsUnpackedToTheFilesOfTheLoadedModelWithoutOneInMemory) {
  const text::Tokenizer tokenizer = byte_tokenizer();
  for (const Family family : {Family::kLlama, Family::kQwen2, Family::kQwen3}) {
    for (const GgmlType type : {GgmlType::kF32, GgmlType::kBF16, GgmlType::kQ8_0}) {
      ModelConfig config = byte_model(tokenizer, 64);
      config.family = family;
      config.hidden_size = 64;
      config.heads = 4;
      config.vocab_size = 5000;  // more rows than are read at once
      config.tie_word_embeddings = family != Family::kQwen2;
      const fs::path folder = temporary("unpacked");
      fs::remove_all(folder);
      fs::create_directories(folder / "loaded");
      fs::create_directories(folder / "made");
      save_model_folder(folder, Model::create(config, 1), tokenizer);
      save_gguf(folder / "model.gguf", folder, "test", type);
      const GgufFile file(folder / "model.gguf");
      load_gguf_model(file, Precision::kFp32).save(folder / "loaded");
      const double held = most_bytes([&] { unpack_gguf_model(file, folder / "made"); });
      EXPECT_EQ(held, 0) << "tensors were made";
      for (const char* name : {"model.safetensors", "config.json"})
        EXPECT_EQ(contents(folder / "made" / name), contents(folder / "loaded" / name)) << name;
      if (type == GgmlType::kF32) {
        EXPECT_EQ(contents(folder / "made" / "model.safetensors"),
                  contents(folder / "model.safetensors"));
      }
      fs::remove_all(folder);
    }
  }
}

// The file holds factors alone.
TEST(Gguf, ScalingOfRotationsIsReadFromItsFactors) {
  const text::Tokenizer tokenizer = byte_tokenizer();
  const fs::path folder = temporary("scaled");
  for (const RopeScaling& scaling :
       {RopeScaling{8, 1, 4, 64}, {32, 1, 4, 8192}, {2.5, 1, 4, 100'000}, {4, 1, 4, 333}}) {
    ModelConfig config = byte_model(tokenizer, 512);
    config.hidden_size = 128;
    config.head_dim = 64;
    config.rope_theta = 500'000;
    config.rope_scaling = scaling;
    fs::remove_all(folder);
    fs::create_directories(folder);
    save_model_folder(folder, Model::create(config, 1), tokenizer);
    save_gguf(folder / "model.gguf", folder, "test", GgmlType::kF32);
    const ModelConfig read = gguf_config(GgufFile(folder / "model.gguf"));
    ASSERT_TRUE(read.rope_scaling);
    EXPECT_NEAR(read.rope_scaling->factor, scaling.factor, 1e-6 * scaling.factor);  // by float32
    EXPECT_EQ(read.rope_scaling->original_max_position_embeddings,
              scaling.original_max_position_embeddings);
    const auto found = read.rope_frequencies(), wanted = config.rope_frequencies();
    for (std::size_t i = 0; i < wanted.size(); ++i)
      EXPECT_NEAR(found[i], wanted[i], 1e-6f * wanted[i]) << i;
  }
  fs::remove_all(folder);
}

// Of a quantized tensor, whose blocks have a scale that may be infinite.
TEST(Gguf, ValuesThatAreNotFiniteAreRefused) {
  const text::Tokenizer tokenizer = byte_tokenizer();
  const fs::path folder = temporary("not_finite");
  fs::remove_all(folder);
  fs::create_directories(folder / "made");
  ModelConfig config = byte_model(tokenizer, 64);
  config.hidden_size = 64;
  save_model_folder(folder, Model::create(config, 1), tokenizer);
  save_gguf(folder / "model.gguf", folder, "test", GgmlType::kQ8_0);
  const std::string name = "blk.0.ffn_up.weight";
  const auto place = [&] {
    const GgufFile file(folder / "model.gguf");
    const std::string whole = contents(folder / "model.gguf");
    const GgufTensor& tensor = *file.find(name);
    return whole.find(std::string(reinterpret_cast<const char*>(tensor.data), tensor.bytes()));
  }();
  std::fstream out(folder / "model.gguf", std::ios::in | std::ios::out | std::ios::binary);
  out.seekp(static_cast<std::streamoff>(place));
  out.write("\x00\x7c", 2);
  out.close();
  const GgufFile file(folder / "model.gguf");
  for (const auto& read :
       {std::function<void()>([&] { load_gguf_model(file); }),
        std::function<void()>([&] { unpack_gguf_model(file, folder / "made"); })})
    try {
      read();
      ADD_FAILURE();
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(error.what(), (folder / "model.gguf").string() + ": tensor '" + name +
                                  "' holds values that are not finite");
    }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace lehr::lm
