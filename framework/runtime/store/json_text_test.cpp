#include "runtime/store/json_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace lehr::runtime {
namespace {

template <class T>
std::string written(const T& value) {
  std::string out;
  append_json(out, value);
  return out;
}

std::string dumped(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

TEST(JsonText, EscapesEveryByteAtEveryPlaceAsDumpDoes) {
  for (std::size_t size : {1, 7, 8, 9, 15, 16, 17, 31, 32, 40})
    for (std::size_t at = 0; at < size; ++at)
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(byte);
        ASSERT_EQ(written(std::string_view(text)), dumped(text))
            << size << " " << at << " " << byte;
      }
  EXPECT_EQ(written(std::string_view()), "\"\"");
  EXPECT_EQ(written(std::string_view("Gl\xC3\xA4ser")), "\"Gl\xC3\xA4ser\"");
}

TEST(JsonText, WritesNumbersAsDumpDoes) {
  for (const double value :
       {0.0, -0.0, 1.0, -7.0, 0.1, 1e14, 999999999999999.0, 1e15, -1e15, 1e16, 2.5e300, 1e-7,
        std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN(),
        std::numeric_limits<double>::denorm_min(), 9007199254740993.0})
    EXPECT_EQ(written(value), dumped(value)) << value;
}

}  // namespace
}  // namespace lehr::runtime
