// What a reward model thinks of answers to one prompt.
#include <ATen/core/grad_mode.h>
#include <lehr/value.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <optional>

#include "chart.h"
#include "lm/judge.h"
#include "lm/operators.h"
#include "text/chat.h"
#include "token_json.h"
#include "views.h"

namespace lehr::inspect {
namespace {

namespace fs = std::filesystem;

struct Score {
  std::size_t tokens = 0;            // of prompt and answer
  double score = 0;                  // the model's own
  std::vector<double> heads = {};    // of an ensemble, each on its own scale
  std::optional<double> apart = {};  // their standard deviation
};

Score score_answer(const lm::Judge& judge, std::vector<std::int32_t> ids) {
  const at::NoGradGuard no_gradients;
  lm::Packed row;
  const std::vector<std::int32_t> last = {static_cast<std::int32_t>(ids.size()) - 1};
  Score out{ids.size()};
  append(row, lm::Sequence{{std::move(ids), {}}, {}}, 0);
  const at::Tensor hidden = judge.model.forward_hidden(row.batch);
  const auto read = [&](const lm::LinearHead& head) {
    return static_cast<double>(lm::scalar_head(hidden, head, last).item<float>());
  };
  out.score = read(judge.model.head());
  std::vector<std::vector<double>> heads;
  for (std::size_t k = 0; k < judge.heads.size(); ++k) {
    heads.push_back({read(judge.heads[k])});
    out.heads.push_back(judge.head_scales[k].normalized(heads.back().front()));
  }
  if (!heads.empty()) out.apart = lm::disagreement(judge.head_scales, heads);
  if (!std::isfinite(out.score))
    throw Error("the score is not finite: the model's weights are too large to compute with");
  return out;
}

std::string number(double value, const char* format) {
  char out[32];
  std::snprintf(out, sizeof out, format, value);
  return out;
}

// On one line of the table.
std::string one_line(const std::string& answer) {
  std::string out;
  for (const char c : text::visible(answer)) {
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

void print_table(const Request& request, const std::vector<Score>& scores, const lm::Judge& judge,
                 bool scaled) {
  std::string heading = "   score";
  if (scaled) heading += "  normalized";
  if (!judge.heads.empty()) heading += "   apart";
  std::string out = painted(heading + "  tokens  answer", kDim, request.color) + "\n";
  for (std::size_t i = 0; i < scores.size(); ++i) {
    out += number(scores[i].score, "%8.3f");
    if (scaled) out += number(judge.scale.normalized(scores[i].score), "  %+10.2f");
    if (scores[i].apart) out += number(*scores[i].apart, "  %6.2f");
    out += number(static_cast<double>(scores[i].tokens), "  %6.0f") + "  " +
           one_line(request.answers[i]) + "\n";
  }
  std::string facts;
  if (scaled)
    facts += "normalized: deviations from the good answers of its training, which score " +
             number(judge.scale.mean, "%.3f") + " with a deviation of " +
             number(judge.scale.deviation, "%.3f") + "\n";
  else
    facts += "no reward.json in its folder: the scale of its scores is not known\n";
  if (!judge.heads.empty())
    facts += "apart: how far its " + std::to_string(judge.heads.size()) +
             " heads lie from each other, in such deviations\n";
  std::cout << out << painted(facts.substr(0, facts.size() - 1), kDim, request.color) << "\n";
}

void print_json(const Request& request, const std::vector<Score>& scores, const lm::Judge& judge,
                bool scaled) {
  Json answers = Json::array();
  for (std::size_t i = 0; i < scores.size(); ++i) {
    Json answer = {
        {"answer", request.answers[i]}, {"tokens", scores[i].tokens}, {"score", scores[i].score}};
    if (scaled) answer["normalized"] = judge.scale.normalized(scores[i].score);
    if (scores[i].apart) {
      answer["heads"] = scores[i].heads;
      answer["disagreement"] = *scores[i].apart;
    }
    answers.push_back(std::move(answer));
  }
  Json out = {{"model", request.title}, {"answers", std::move(answers)}};
  if (scaled) out["scale"] = {{"mean", judge.scale.mean}, {"std", judge.scale.deviation}};
  std::cout << out.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

}  // namespace

void show_scores(const Request& request) {
  if (!fs::is_directory(request.path) || lm::read_config(request.path).head != lm::HeadKind::kScore)
    throw Error(request.title +
                ": --answer asks a reward model, and this one predicts tokens. "
                "--text says how well it knew a text");
  const bool scaled = fs::exists(request.path / "reward.json");
  const lm::Judge judge =
      lm::load_judge(request.path, lm::parse_precision(request.precision), scaled);
  const text::Tokenizer tokenizer = text::Tokenizer::load(request.path);
  text::Tokenizer::Cache cache;
  const auto prompt = text::render_prompt(tokenizer, asked(request), cache);
  const auto context = static_cast<std::size_t>(judge.model.config().max_position_embeddings);
  std::vector<Score> scores;
  for (const std::string& answer : request.answers) {
    std::vector<std::int32_t> ids(prompt.begin(), prompt.end());
    const auto said = text::render_answer(tokenizer, answer, cache);
    ids.insert(ids.end(), said.begin(), said.end());
    if (ids.size() > context)
      throw Error("prompt and answer " + std::to_string(scores.size() + 1) + " have " +
                  std::to_string(ids.size()) + " tokens, and the model sees " +
                  std::to_string(context) + ". Shorten them");
    scores.push_back(score_answer(judge, std::move(ids)));
  }
  if (request.json) return print_json(request, scores, judge, scaled);
  print_table(request, scores, judge, scaled);
}

}  // namespace lehr::inspect
