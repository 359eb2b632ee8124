#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "lm/byte_model_test.h"
#include "lm/fake_host.h"
#include "lm/model_folder.h"
#include "lm/reward_scores.h"
#include "views.h"

namespace lehr::inspect {
namespace {

std::string shown(const Request& request) {
  testing::internal::CaptureStdout();
  show_scores(request);
  return testing::internal::GetCapturedStdout();
}

TEST(Scores, AreThoseOfTheModelOnItsScaleAndOfItsHeads) {
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  const lm::Model base = lm::Model::create(lm::byte_model(tokenizer, 64), 1, lm::Precision::kFp32);
  const lm::Model judge = base.with_score_head(3, 2);
  const lehr_context place;
  lm::save_model_folder(place.root, judge, tokenizer);
  Request request;
  request.path = place.root;
  request.title = "judge";
  request.precision = "fp32";
  request.text = "why?";
  request.answers = {"so", "because"};
  EXPECT_NE(shown(request).find("scale of its scores is not known"), std::string::npos);

  const lm::RewardHeads heads{judge.parameter("score.weight"), {{1, 2}, {3, 4}}};
  lm::write_reward_heads(place.root, heads, {0.5, 2});
  request.json = true;
  const auto found = nlohmann::json::parse(shown(request));
  text::Tokenizer::Cache cache;
  for (std::size_t i = 0; i < 2; ++i) {
    const auto ids = text::render_prompt(tokenizer, asked(request), cache);
    const auto said = text::render_answer(tokenizer, request.answers[i], cache);
    lm::Packed row;
    append(row, lm::Sequence{{{ids.begin(), ids.end()}, {}}, {{{said.begin(), said.end()}, {}}}},
           0);
    const lm::BranchScores scores = lm::branch_scores(judge, row);
    const double mean = scores.scores.item<float>();
    const double a = (scores.heads[0].item<float>() - 1) / 2;
    const double b = (scores.heads[1].item<float>() - 3) / 4;
    const auto& answer = found.at("answers").at(i);
    EXPECT_NEAR(answer.at("score"), mean, 1e-5);
    EXPECT_NEAR(answer.at("normalized"), (mean - 0.5) / 2, 1e-5);
    EXPECT_NEAR(answer.at("heads").at(1), b, 1e-5);
    EXPECT_NEAR(answer.at("disagreement"), std::abs(a - b) / std::sqrt(2.0), 1e-5);
  }
  request.json = false;
  EXPECT_NE(shown(request).find("apart: how far its 2 heads lie"), std::string::npos);
  request.answers[1] = "two\nlines";
  EXPECT_NE(shown(request).find("two\\nlines\n"), std::string::npos) << shown(request);
  request.answers[1] = std::string(100, 'x');
  EXPECT_THROW(show_scores(request), Error) << "longer than the context";
}

TEST(Scores, AreNotAskedOfALanguageModel) {
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  const lehr_context place;
  lm::save_model_folder(place.root,
                        lm::Model::create(lm::byte_model(tokenizer, 64), 1, lm::Precision::kFp32),
                        tokenizer);
  Request request;
  request.path = place.root;
  request.answers = {"so"};
  EXPECT_THROW(show_scores(request), Error);
}

}  // namespace
}  // namespace lehr::inspect
