#include "text/lower_case.h"

#include <gtest/gtest.h>

namespace lehr::text {
namespace {

std::string lower(std::string_view text) {
  std::string out;
  lower_case(text, out);
  return out;
}

TEST(LowerCase, IsThatOfAnyScript) {
  EXPECT_EQ(lower("AbZ@[ÉЖΩǅK\u1e9e中"), "abz@[éжωǆk\u00df中");
  EXPECT_EQ(lower("İI"), "i\u0307i");
}

TEST(LowerCase, GivesASigmaTheFormOfItsPlace) {
  EXPECT_EQ(lower("ΟΔΟΣ Σ ΣΑΣ. ΑΣ'Α Σ"), "οδος σ σας. ασ'α σ");
  EXPECT_EQ(lower("Α\u0301Σ\u0301"), "α\u0301ς\u0301");
}

}  // namespace
}  // namespace lehr::text
