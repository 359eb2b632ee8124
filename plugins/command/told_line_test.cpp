#include "told_line.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

struct lehr_context {
  std::map<std::string, std::pair<std::int64_t, double>> metrics;
  std::map<std::string, double> results;
  std::uint64_t done = 0, total = 0;
};

namespace lehr::plugins::command {
namespace {

const lehr_host* host() {
  static const lehr_host host = [] {
    lehr_host h{};
    h.size = sizeof h;
    h.metric = [](lehr_context* c, std::int64_t step, lehr_str name, double value) {
      c->metrics[std::string(view(name))] = {step, value};
    };
    h.result = [](lehr_context* c, lehr_str name, double value, std::uint32_t) {
      c->results[std::string(view(name))] = value;
    };
    h.progress = [](lehr_context* c, const lehr_progress* p) {
      c->done = p->done;
      c->total = p->total;
    };
    return h;
  }();
  return &host;
}

class ToldLine : public testing::Test {
 protected:
  lehr_context told_;
  const Context context_{&told_, host()};
};

TEST_F(ToldLine, PassesOnWhatAProgramTells) {
  EXPECT_TRUE(pass_on(R"({"lehr": "metric", "name": "loss", "value": 2.5, "step": 7})", context_));
  EXPECT_TRUE(pass_on(R"({"lehr": "result", "name": "accuracy", "value": 1})", context_));
  EXPECT_TRUE(pass_on(R"({"lehr": "progress", "done": 3, "total": 10.0})", context_));
  EXPECT_EQ(told_.metrics.at("loss"), (std::pair<std::int64_t, double>(7, 2.5)));
  EXPECT_EQ(told_.results.at("accuracy"), 1);
  EXPECT_EQ(told_.done, 3u);
  EXPECT_EQ(told_.total, 10u);
}

TEST_F(ToldLine, LeavesOtherLinesAlone) {
  for (const char* line : {"", "{", "{\"lehr\"", "[\"lehr\"]", R"({"other": "\"lehr\""})"})
    EXPECT_FALSE(pass_on(line, context_)) << line;
}

TEST_F(ToldLine, TakesNumbersThatJsonDoesNotHave) {
  EXPECT_TRUE(pass_on(R"({"lehr": "result", "name": "NaN", "value": NaN})", context_));
  EXPECT_TRUE(pass_on(R"({"lehr": "result", "value": Infinity, "name": "high"})", context_));
  EXPECT_TRUE(pass_on(R"({"lehr":"result","name":"low","value":-Infinity})", context_));
  EXPECT_TRUE(pass_on(R"({"lehr": "metric", "name": "m", "step": 1, "value": "NaN"})", context_));
  EXPECT_TRUE(std::isnan(told_.results.at("NaN")));
  EXPECT_EQ(told_.results.at("high"), INFINITY);
  EXPECT_EQ(told_.results.at("low"), -INFINITY);
  EXPECT_TRUE(std::isnan(told_.metrics.at("m").second));
}

// Not in the log, where nobody misses it until a gate does.
TEST_F(ToldLine, RefusesAMessageThatIsNoJson) {
  for (const char* line : {R"({"lehr": "result", "name": "loss", "value": 1)",
                           R"({"lehr": 'result'})", R"({ "lehr" : "result", "value": nan})"})
    EXPECT_THROW(pass_on(line, context_), Error) << line;
}

TEST_F(ToldLine, SaysWhatItDoesNotUnderstand) {
  const auto why = [&](const std::string& line) -> std::string {
    try {
      pass_on(line, context_);
    } catch (const Error& e) {
      const std::string what = e.what(),
                        before =
                            "the program told something that cannot be understood: " + line + " (";
      return what.starts_with(before) ? what.substr(before.size()) : what;
    }
    return "";
  };
  EXPECT_EQ(why(R"({"lehr": "result", "name": "loss", "value": "low"})"),
            "its 'value' is no number: \"low\")");
  EXPECT_EQ(why(R"({"lehr": "result", "value": 1})"), "it has no 'name')");
  EXPECT_EQ(why(R"({"lehr": "progress", "done": null})"), "its 'done' is no number: null)");
  EXPECT_EQ(why(R"({"lehr": "progress", "done": 1, "unit": 2})"), "its 'unit' is no text: 2)");
  EXPECT_EQ(why(R"({"lehr": 3})"), "its 'lehr' is no text: 3)");
}

TEST_F(ToldLine, RefusesCountsThatCannotBe) {
  for (const char* done : {"-1", "1e300", "-0.5", "18446744073709551615", "\"3\"", "null"})
    EXPECT_THROW(pass_on(std::string(R"({"lehr": "progress", "done": )") + done + "}", context_),
                 Error)
        << done;
  EXPECT_THROW(pass_on(R"({"lehr": "metric", "name": "x", "value": 1, "step": 1e30})", context_),
               Error);
}

}  // namespace
}  // namespace lehr::plugins::command
