#include "train_kto.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lm/feedback_rows_test.h"
#include "lm/runtime.h"
#include "lm/stage_workshop_test.h"

namespace lehr::plugins::dpo {
namespace {

using Json = nlohmann::json;

const std::vector<lm::Judged> kTrain = {{"Who?", "me", true},
                                        {"Who else?", "nobody", false},
                                        {"Where?", "here", true},
                                        {"When?", "nowhere at all", false}};
const std::vector<lm::Judged> kHeldOut = {
    {"Who?", "you", true}, {"Where?", "there", true}, {"Why?", "x", false}};

struct KtoWorkshop : lm::StageWorkshop<TrainKto> {
  explicit KtoWorkshop(const std::vector<lm::Judged>& train = kTrain,
                       const std::vector<lm::Judged>& held_out = kHeldOut) {
    connect("model", model());
    connect("feedback", lm::feedback_rows(train), lm::feedback_rows(held_out));
  }
  // Another one than the policy.
  void give_reference() {
    connect("reference", lm::Model::create(lm::byte_model(tokenizer, 64), 2, lm::Precision::kFp32));
  }
};

Json kto_parameters(Json more) {
  Json all = {{"precision", "fp32"}, {"budget", {{"steps", 6}}}, {"learning_rate", 1e-2}};
  all.update(more);
  return all;
}

class TrainKtoWith : public testing::TestWithParam<std::pair<const char*, Json>> {};
INSTANTIATE_TEST_SUITE_P(
    All, TrainKtoWith,
    testing::Values(std::pair{"defaults", Json::object()},
                    std::pair{"short_rows", Json{{"batch_tokens", 80}, {"micro_batch_tokens", 40}}},
                    std::pair{"lora", Json{{"lora", {{"rank", 2}}}, {"save", "best"}}},
                    std::pair{"muon", Json{{"optimizer", {{"kind", "muon"}}}}}),
    [](const auto& info) { return std::string(info.param.first); });

TEST_P(TrainKtoWith, ResumedInBetweenGivesTheSameBytes) {
  const Json with = kto_parameters(GetParam().second);
  KtoWorkshop whole, stopped;
  const auto expected = whole.run(with);
  EXPECT_EQ(stopped.run_in_two(with, 3), expected);
  EXPECT_EQ(stopped.weights("model"), whole.weights("model"));
  EXPECT_LT(whole.series("eval/loss").back(), whole.series("eval/loss").front() + 0.2);
}

TEST(TrainKto, MakesGoodAnswersLikelierThanBadOnes) {
  KtoWorkshop shop;
  shop.run(kto_parameters({{"budget", {{"steps", 12}}}}));
  EXPECT_LT(shop.series("loss").back(), shop.series("loss").front());
  EXPECT_GT(shop.series("rewards/margins").back(), 0);
  EXPECT_EQ(shop.series("count/chosen").front(), 2);
}

// The rounding of bfloat16 is 2^-8 of a value; losses of 0.5 stay within a hundredth.
TEST(TrainKto, LearnsInBf16WhatItLearnsInFloat32) {
  if (!lm::cpu_has_bf16()) GTEST_SKIP() << "this processor does not compute in bf16";
  const Json with = kto_parameters({{"budget", {{"steps", 12}}}});
  Json rounded = with;
  rounded["precision"] = "bf16";
  KtoWorkshop exact, near, stopped;
  for (KtoWorkshop* shop : {&exact, &near, &stopped}) shop->give_reference();
  exact.run(with);
  const auto results = near.run(rounded);
  for (const char* name : {"loss", "eval/loss"}) {
    const auto expected = exact.series(name), found = near.series(name);
    ASSERT_EQ(found.size(), expected.size()) << name;
    for (std::size_t i = 0; i < found.size(); ++i)
      EXPECT_NEAR(found[i], expected[i], 0.01) << name << ", " << i;
  }
  EXPECT_LT(near.series("loss").back(), near.series("loss").front() - 0.02) << "it learns at all";
  EXPECT_NE(near.weights("model"), exact.weights("model"));
  EXPECT_EQ(stopped.run_in_two(rounded, 5), results);
  EXPECT_EQ(stopped.weights("model"), near.weights("model"));
}

TEST(TrainKto, GoesOnInTheMiddleOfTheReferencesPass) {
  const Json with = kto_parameters({{"batch_tokens", 80}, {"micro_batch_tokens", 40}});
  KtoWorkshop whole, stopped;
  const auto expected = whole.run(with);
  EXPECT_EQ(stopped.run_in_two(with, 3, "pairs"), expected);
  EXPECT_EQ(stopped.weights("model"), whole.weights("model"));
  EXPECT_TRUE(stopped.told("go on at pair 3 of 7"));
}

// Mismatched answers belong to rows, and z0 is the mean of a whole update: rows of a micro-batch
// change no more than the order of sums.
TEST(TrainKto, DoesNotDependOnHowRowsArePacked) {
  const auto with = [](int micro) {
    KtoWorkshop shop;
    shop.give_reference();
    auto results = shop.run(kto_parameters(
        {{"batch_tokens", 1000}, {"micro_batch_tokens", micro}, {"budget", {{"steps", 2}}}}));
    results["loss"] = shop.series("loss").front();
    results["kl"] = shop.series("kl").front();
    results["count"] = shop.series("count/rejected").front();
    return results;
  };
  const auto one = with(1000), many = with(30);
  EXPECT_GT(one.at("kl"), 0) << "else the test shows nothing";
  EXPECT_EQ(one.at("count"), 2) << "an update of all rows";
  for (const char* name : {"loss", "kl", "count", "eval/loss", "eval/kl", "eval/rewards/chosen"})
    EXPECT_NEAR(many.at(name), one.at(name), 1e-4) << name;
}

TEST(TrainKto, EvaluatesTheFormula) {
  const auto run = [](Json more) {
    KtoWorkshop shop;
    shop.give_reference();
    more["budget"] = {{"steps", 0}};
    return shop.run(kto_parameters(more));
  };
  const auto plain = run({{"beta", 0.5}}), weighted = run({{"beta", 0.5}, {"desirable_weight", 3}});
  EXPECT_EQ(plain.at("eval/count/chosen"), 2);
  EXPECT_EQ(plain.at("eval/count/rejected"), 1);
  EXPECT_NEAR(plain.at("eval/rewards/margins"),
              plain.at("eval/rewards/chosen") - plain.at("eval/rewards/rejected"), 1e-12);
  // The loss of the one bad answer follows from its reward and z0; the good ones make up the rest.
  const double bad =
      1 - 1 / (1 + std::exp(plain.at("eval/rewards/rejected") - 0.5 * plain.at("eval/kl")));
  EXPECT_NEAR(weighted.at("eval/loss") - plain.at("eval/loss"),
              2 * (plain.at("eval/loss") - bad / 3), 1e-5);
}

TEST(TrainKto, BeginsWithHalfTheMeanWeight) {
  KtoWorkshop shop;
  shop.run(kto_parameters({{"desirable_weight", 1.5}, {"budget", {{"steps", 1}}}}));
  EXPECT_NEAR(shop.series("loss").front(), (2 * 1.5 + 2 * 1) / 4 / 2, 1e-6);
  EXPECT_EQ(shop.series("kl").front(), 0);
}

TEST(TrainKto, TrainsOnOneLabelAloneAndSaysWhatThatMeans) {
  for (const bool good : {true, false}) {
    std::vector<lm::Judged> rows = kTrain;
    for (lm::Judged& row : rows) row.good = good;
    KtoWorkshop shop(rows);
    shop.run(kto_parameters(Json::object()));
    const auto reward = shop.series(good ? "rewards/chosen" : "rewards/rejected");
    EXPECT_GT(good ? reward.back() : -reward.back(), 0);
    EXPECT_TRUE(shop.series(good ? "rewards/rejected" : "rewards/chosen").empty());
    EXPECT_TRUE(shop.series("rewards/margins").empty());
    EXPECT_FALSE(shop.series(good ? "logits/chosen" : "logits/rejected").empty());
    EXPECT_TRUE(shop.told(good
                              ? "all 4 train rows are labelled good (\"label\": true), none bad"
                              : "all 4 train rows are labelled bad (\"label\": false), none good"));
  }
}

TEST(TrainKto, SaysWhichWeightsMakeUpForFewOfALabel) {
  const auto rows = [](int good, int bad) {
    std::vector<lm::Judged> all;
    for (int i = 0; i < good + bad; ++i)
      all.push_back({std::string(1, static_cast<char>('a' + i)), "x", i < good});
    return all;
  };
  const Json none = kto_parameters({{"budget", {{"steps", 0}}}});
  KtoWorkshop few_good(rows(1, 4)), few_bad(rows(4, 1)), balanced(rows(4, 3)), chosen(rows(1, 4));
  for (KtoWorkshop* shop : {&few_good, &few_bad, &balanced}) shop->run(none);
  EXPECT_TRUE(few_good.told("train rows: 1 good, 4 bad"));
  EXPECT_TRUE(few_good.told("desirable_weight from 4.0 to 5.3"));
  EXPECT_TRUE(few_bad.told("undesirable_weight from 3.0 to 4.0"));
  EXPECT_FALSE(balanced.told("weight"));
  chosen.run(kto_parameters({{"budget", {{"steps", 0}}}, {"desirable_weight", 2}}));
  EXPECT_FALSE(chosen.told("weigh")) << "who gives a weight has decided";
}

TEST(TrainKto, RefusesWhatItCannotLearnFrom) {
  const auto refusal = [](const std::vector<lm::Judged>& rows) -> std::string {
    try {
      KtoWorkshop(rows).run(kto_parameters(Json::object()));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(refusal({{"Who?", "me", true}}).find("holds one row to train on; KTO needs at least"),
            std::string::npos);
  const std::string long_prompt(100, 'x');
  EXPECT_NE(
      refusal({{long_prompt, "a", true}, {long_prompt, "b", true}}).find("holds no row to train"),
      std::string::npos);
  const text::ValueTree values(Json{{"desirable_weight", 0}, {"undesirable_weight", 0}});
  EXPECT_THROW(detail::bind<TrainKto>(values.root())->check(), Error);
}

TEST(TrainKto, WarnsWhereEveryRowAsksTheSame) {
  KtoWorkshop shop({{"Who?", "me", true}, {"Who?", "you", false}});
  shop.run(kto_parameters({{"budget", {{"steps", 0}}}}));
  EXPECT_TRUE(shop.told("all 2 train rows ask the same"));
  EXPECT_FALSE(shop.told("eval rows ask the same"));
}

TEST(TrainKto, StopsInAnEvaluation) {
  KtoWorkshop shop;
  const Json with = kto_parameters({{"budget", {{"steps", 0}}}});
  shop.host.cancelled = true;
  EXPECT_THROW(shop.run(with), Cancelled);
  shop.host.cancelled = false;
  EXPECT_EQ(shop.run(with), KtoWorkshop().run(with));
}

}  // namespace
}  // namespace lehr::plugins::dpo
