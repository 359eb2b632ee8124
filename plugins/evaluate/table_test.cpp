#include "table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace lehr::plugins::evaluate {
namespace {

// A model with shares of so many probes.
Examined examined(const std::string& label, double share, double n) {
  Examined out;
  out.label = label;
  Scores& s = out.scores;
  s.answers = s.unknowable = s.next = s.with_choices = n;
  s.accuracy = s.completion = s.choice = s.format = s.refusal = s.over_refusal = s.good = share;
  return out;
}

TEST(Table, SharesComeWithTheBoundsOfTheirInterval) {
  const std::string one = render_table(std::vector{examined("base", 0, 1)}, {}, 0);
  EXPECT_NE(one.find("exact answer (1 questions)             0 0–79.3\n"), one.npos) << one;
  const std::string many = render_table(std::vector{examined("base", 0.353, 2000)}, {}, 0);
  EXPECT_NE(many.find("exact answer (2000 questions)       35.3 33.2–37.4\n"), many.npos) << many;
  const std::string all = render_table(std::vector{examined("base", 1, 30)}, {}, 0);
  EXPECT_NE(all.find("exact answer (30 questions)          100 88.6–100\n"), all.npos) << all;
}

TEST(Table, FourModelsFitIntoAHundredColumns) {
  const std::vector<Examined> models(4, examined("assistant", 0.5, 450));
  std::istringstream table(render_table(models, {}, 0));
  for (std::string line; std::getline(table, line);) {
    const auto characters = std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; });
    EXPECT_LE(characters, 100) << line;
  }
}

}  // namespace
}  // namespace lehr::plugins::evaluate
