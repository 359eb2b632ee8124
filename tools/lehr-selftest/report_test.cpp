#include "report.h"

#include <gtest/gtest.h>

#include <limits>

namespace lehr::selftest {
namespace {

Finding finding(double difference) {
  return {.check = {"packed", "it holds"},
          .tolerance = 1e-5,
          .measured = Measure{difference, "gradients"},
          .failure = {},
          .seconds = 0.04};
}

TEST(Report, TellsWhatFailedAndWhere) {
  EXPECT_EQ(line(finding(3e-7), false),
            "ok      packed        fp32            3e-07    1e-05    40ms  it holds\n");
  EXPECT_EQ(line(finding(3e-5), false),
            "FAILED  packed        fp32            3e-05    1e-05    40ms  it holds\n"
            "        -> gradients\n");
  Finding unmeasured = finding(0);
  unmeasured.measured.reset();
  unmeasured.failure = "lehr run ended\nbadly\n";
  EXPECT_EQ(line(unmeasured, false),
            "FAILED  packed        fp32             none    1e-05    40ms  it holds\n"
            "        -> lehr run ended\n           badly\n");
  EXPECT_EQ(json_of(unmeasured)["reason"], "lehr run ended\nbadly\n");
}

TEST(Report, WhatIsNoNumberDoesNotHold) {
  Measure measure;
  measure.take(std::numeric_limits<double>::quiet_NaN(), "losses");
  measure.take(0, "gradients");
  EXPECT_EQ(measure.where, "losses");
  EXPECT_FALSE(finding(measure.difference).good());
  EXPECT_EQ(json_of(finding(measure.difference)).dump().find("\"ok\":true"), std::string::npos);
}

}  // namespace
}  // namespace lehr::selftest
