#include "runtime/store/named_results.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/store/stage_result.h"

namespace lehr::runtime {
namespace {

std::string names(const NamedResults& results) {
  std::string out;
  for (const auto& [name, result] : results) out += name + " ";
  return out;
}

TEST(NamedResults, KeepTheOrderInWhichTheyWereGiven) {
  NamedResults results = {{"loss", {2}}, {"accuracy", {0.5}}, {"best_step", {10}}};
  results["loss"] = {1};
  EXPECT_EQ(names(results), "loss accuracy best_step ");
  EXPECT_EQ(results.find("loss")->second.value, 1);
  EXPECT_EQ(results.find("steps"), results.end());
}

TEST(NamedResults, AreTheSameOnceWrittenAndRead) {
  StageResult before;
  before.results = {
      {"z", {0.5}}, {"a", {3, true}}, {"up", {INFINITY}}, {"down", {-INFINITY}}, {"none", {NAN}}};
  const std::string text = before.to_json().dump();
  const StageResult after = StageResult::parse(text);
  EXPECT_EQ(names(after.results), "z a up down none ");
  EXPECT_TRUE(after.results.find("a")->second.is_volatile);
  EXPECT_EQ(after.results.find("up")->second.value, INFINITY);
  EXPECT_EQ(after.results.find("down")->second.value, -INFINITY);
  EXPECT_TRUE(std::isnan(after.results.find("none")->second.value));
  std::string appended;
  append_json(appended, before.results);
  EXPECT_EQ(appended, to_json(before.results).dump());
}

}  // namespace
}  // namespace lehr::runtime
