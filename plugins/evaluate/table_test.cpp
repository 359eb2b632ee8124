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
  const std::string one = render_table(std::vector{examined("base", 0, 1)}, nullptr, {}, 0);
  EXPECT_NE(one.find("exact answer (1 questions)             0 0–79.3\n"), one.npos) << one;
  const std::string many = render_table(std::vector{examined("base", 0.353, 2000)}, nullptr, {}, 0);
  EXPECT_NE(many.find("exact answer (2000 questions)       35.3 33.2–37.4\n"), many.npos) << many;
  const std::string all = render_table(std::vector{examined("base", 1, 30)}, nullptr, {}, 0);
  EXPECT_NE(all.find("exact answer (30 questions)          100 88.6–100\n"), all.npos) << all;
}

TEST(Table, HoldsTheOthersBesideOne) {
  std::vector<Examined> models = {examined("base", 0, 1), examined("tuned", 1, 1)};
  const auto outcome = [](bool right, double score) {
    Outcome out;
    out.right = right;
    out.score = score;
    return out;
  };
  models[0].outcomes = {outcome(true, 1), outcome(true, 0), outcome(false, 2), outcome(false, 0)};
  models[1].outcomes = {outcome(true, 1), outcome(false, 1), outcome(true, 3), outcome(true, -1)};
  const std::string table = render_table(models, &models[0], {}, 0);
  for (const char* line :
       {"score by the judge                  0.75                1.00\n", "beside base:\n",
        "  win rate, where one is right      -                   66.7 20.8–93.9\n",
        "  kept of what that had right       -                   50.0 9.5–90.5\n",
        "  preferred by the judge            -                   66.7 20.8–93.9\n"})
    EXPECT_NE(table.find(line), table.npos) << line << table;
  EXPECT_EQ(render_table(models, nullptr, {}, 0).find("beside"), table.npos);
}

TEST(Table, FourModelsFitIntoAHundredColumns) {
  const std::vector<Examined> models(4, examined("assistant", 0.5, 450));
  std::istringstream table(render_table(models, nullptr, {}, 0));
  for (std::string line; std::getline(table, line);) {
    const auto characters = std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; });
    EXPECT_LE(characters, 100) << line;
  }
}

}  // namespace
}  // namespace lehr::plugins::evaluate
