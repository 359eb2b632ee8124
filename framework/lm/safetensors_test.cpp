#include "lm/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <numeric>

namespace lehr::lm {
namespace {

class Safetensors : public testing::Test {
 protected:
  std::filesystem::path path_ =
      std::filesystem::path(testing::TempDir()) /
      (std::string("lm_") + testing::UnitTest::GetInstance()->current_test_info()->name());
  void TearDown() override { std::filesystem::remove(path_); }

  void write_raw(uint64_t header_bytes, const std::string& header, size_t data_bytes) {
    std::ofstream file(path_, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&header_bytes), 8);
    file << header << std::string(data_bytes, '\0');
  }

  // The message of the refusal, or "" when the file was accepted.
  std::string refusal(const std::string& header, size_t data_bytes) {
    write_raw(header.size(), header, data_bytes);
    try {
      const SafetensorsFile file(path_);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }
};

TEST_F(Safetensors, RoundTripsValuesShapesAndMetadata) {
  std::vector<float> a(6);
  std::iota(a.begin(), a.end(), 0.5f);
  const std::vector<int64_t> b = {1, -2, 3};
  write_safetensors(path_,
                    {{"a", DType::kF32, {2, 3}, reinterpret_cast<const std::byte*>(a.data()), 24},
                     {"empty", DType::kF32, {0, 3}, nullptr, 0},
                     {"b", DType::kI64, {3}, reinterpret_cast<const std::byte*>(b.data()), 24}},
                    {{"step", "7"}});
  const SafetensorsFile file(path_);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.metadata().at("step"), "7");
  EXPECT_EQ(file.at("a").shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(std::memcmp(file.at("a").data, a.data(), 24), 0);
  EXPECT_EQ(std::memcmp(file.at("b").data, b.data(), 24), 0);
  EXPECT_EQ(file.at("empty").elements(), 0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file.at("a").data) % 64, 0u);
  EXPECT_EQ(file.find("c"), nullptr);
  EXPECT_THROW(file.at("c"), std::runtime_error);
}

TEST_F(Safetensors, AcceptsTheSmallestHonestFile) {
  EXPECT_EQ(refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4), "");
}

// 3 GiB of zeros that are not on disk, then a tensor.
TEST_F(Safetensors, ReadsTensorsBehindMoreBytesThanAnIntCounts) {
  const uint64_t many = uint64_t{3} << 30;
  const std::string end = std::to_string(many + 4);
  const std::string header = R"({"a":{"dtype":"U8","shape":[3,1073741824],"data_offsets":[0,)" +
                             std::to_string(many) +
                             R"(]},"b":{"dtype":"U8","shape":[4],"data_offsets":[)" +
                             std::to_string(many) + "," + end + "]}}";
  write_raw(header.size(), header, 0);
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(8 + header.size() + many));
  file << "wxyz";
  file.close();
  const SafetensorsFile tensors(path_);
  EXPECT_EQ(tensors.at("a").elements(), static_cast<int64_t>(many));
  EXPECT_EQ(std::memcmp(tensors.at("b").data, "wxyz", 4), 0);
}

TEST_F(Safetensors, RefusesTruncatedFiles) {
  EXPECT_NE(refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 3), "");
  write_raw(1000, "{}", 0);
  EXPECT_THROW(SafetensorsFile{path_}, std::runtime_error);
  write_raw(~uint64_t{0}, "{}", 0);  // 8 + length wraps around
  EXPECT_THROW(SafetensorsFile{path_}, std::runtime_error);
  std::ofstream(path_, std::ios::binary | std::ios::trunc) << "abc";
  EXPECT_THROW(SafetensorsFile{path_}, std::runtime_error);
}

TEST_F(Safetensors, RefusesOverlapsHolesAndTrailingBytes) {
  EXPECT_NE(refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                    R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
                    6),
            "");
  EXPECT_NE(refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                    R"("b":{"dtype":"U8","shape":[4],"data_offsets":[8,12]}})",
                    12),
            "");
  EXPECT_NE(refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 5), "");
}

TEST_F(Safetensors, RefusesDuplicateKeys) {
  const std::string twice = refusal(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                                    R"("a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
                                    2);
  EXPECT_NE(twice.find("twice"), std::string::npos) << twice;
}

TEST_F(Safetensors, RefusesSizesThatOverflowOrLie) {
  for (const char* shape :
       {"[4294967296,4294967296,4]", "[18446744073709551615]", "[-1]", "[1.5]", "[5]", "\"4\""}) {
    EXPECT_NE(refusal(std::string(R"({"a":{"dtype":"F32","shape":)") + shape +
                          R"(,"data_offsets":[0,4]}})",
                      4),
              "")
        << shape;
  }
  EXPECT_NE(refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}})", 4), "");
  // 2^63 elements, were it not for the 0.
  EXPECT_NE(
      refusal(R"({"a":{"dtype":"U8","shape":[4611686018427387904,2,0],"data_offsets":[0,0]}})", 0),
      "");
}

TEST_F(Safetensors, RefusesMalformedHeaders) {
  for (const char* header :
       {"[]", "{", "", R"({"a":1})", R"({"a":{"dtype":"F99","shape":[],"data_offsets":[0,1]}})",
        R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})",
        R"({"__metadata__":{"a":1}})", R"({"a":[[[[[[[[]]]]]]]]})"}) {
    EXPECT_NE(refusal(header, 1), "") << header;
    EXPECT_EQ(refusal(header, 1).find("json.exception"), std::string::npos) << refusal(header, 1);
  }
  const std::string nul = refusal(std::string("{\"a\":\0}", 7), 0);
  EXPECT_NE(nul.find(path_.string() + ": the header: it is not JSON: "), std::string::npos) << nul;
}

TEST_F(Safetensors, WriterRefusesBytesThatDoNotFitTheShape) {
  EXPECT_THROW(write_safetensors(path_, {{"a", DType::kF32, {2}, nullptr, 4}}),
               std::invalid_argument);
}

}  // namespace
}  // namespace lehr::lm
