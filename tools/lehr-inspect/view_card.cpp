#include <cstdio>
#include <iostream>
#include <optional>

#include "chart.h"
#include "lm/reward_scores.h"
#include "text/chat_format.h"
#include "token_json.h"
#include "views.h"

namespace lehr::inspect {
namespace {

namespace fs = std::filesystem;

// "134.5M"
std::string short_count(std::int64_t count) {
  char out[32];
  const auto value = static_cast<double>(count);
  if (count >= 1'000'000'000)
    std::snprintf(out, sizeof out, "%.2fB", value / 1e9);
  else if (count >= 1'000'000)
    std::snprintf(out, sizeof out, "%.1fM", value / 1e6);
  else
    std::snprintf(out, sizeof out, "%.1fk", value / 1e3);
  return out;
}

// Of a reward model: what it does, on which scale.
struct JudgeFacts {
  std::optional<lm::RewardScale> scale;
  std::size_t heads = 1;
};
std::optional<JudgeFacts> judge_facts(const Request& request, const lm::ModelConfig& config) {
  if (config.head != lm::HeadKind::kScore) return {};
  JudgeFacts facts;
  if (fs::exists(request.path / "reward.json")) facts.scale = lm::read_reward_scale(request.path);
  if (const auto heads = lm::read_reward_heads(request.path)) facts.heads = heads->scales.size();
  return facts;
}

std::string judge_text(const JudgeFacts& judge) {
  std::string out = "scores answers (--answer)";
  if (judge.heads > 1) out += ", by " + std::to_string(judge.heads) + " heads";
  if (!judge.scale) return out + "; no reward.json, so on an unknown scale";
  char scale[80];
  std::snprintf(scale, sizeof scale, "; good ones score %.3f, with a deviation of %.3f",
                judge.scale->mean, judge.scale->deviation);
  return out + scale;
}

}  // namespace

void show_card(const Request& request, const OpenedModel& opened) {
  const lm::ModelConfig& c = opened.model.config();
  const text::Tokenizer& tokenizer = opened.tokenizer;
  const std::optional<JudgeFacts> judge = judge_facts(request, c);
  if (request.json) {
    Json out = {{"model", request.title},
                {"path", request.path.string()},
                {"family", lm::family_name(c.family)},
                {"parameters", c.parameters()},
                {"width", c.hidden_size},
                {"layers", c.layers},
                {"heads", c.heads},
                {"kv_heads", c.kv_heads},
                {"head_dim", c.head_dim},
                {"ffn", c.intermediate_size},
                {"context", c.max_position_embeddings},
                {"vocabulary", c.vocab_size},
                {"tied_head", c.tie_word_embeddings},
                {"rope_theta", c.rope_theta},
                {"tokenizer_ids", tokenizer.vocab_size()},
                {"stop_tokens", tokens_json(tokenizer, opened.stop_tokens)}};
    if (judge) out["score_heads"] = judge->heads;
    if (judge && judge->scale)
      out["scale"] = {{"mean", judge->scale->mean}, {"std", judge->scale->deviation}};
    std::cout << out.dump(2) << "\n";
    return;
  }
  const auto line = [&](const char* name, const std::string& value) {
    std::cout << painted(cell(name, 14), kDim, request.color) << value << "\n";
  };
  const auto text_of = [](std::int64_t n) { return std::to_string(n); };
  line("model", request.title);
  line("at", request.path.string());
  line("family", lm::family_name(c.family));
  line("parameters", short_count(c.parameters()) + ", " + short_count(c.matmul_parameters()) +
                         " of them in matrix products");
  line("shape", "width " + text_of(c.hidden_size) + ", " + text_of(c.layers) + " layers, " +
                    text_of(c.heads) + " heads of " + text_of(c.head_dim) +
                    (c.kv_heads == c.heads ? "" : " (" + text_of(c.kv_heads) + " for keys)") +
                    ", feed-forward " + text_of(c.intermediate_size));
  line("context", text_of(c.max_position_embeddings) + " tokens");
  line("vocabulary", text_of(c.vocab_size) +
                         (c.tie_word_embeddings && !judge ? ", head tied to the embedding" : ""));
  if (judge) return line("reward model", judge_text(*judge));
  std::string stops;
  for (const std::int32_t id : opened.stop_tokens)
    if (const std::string shown = piece(tokenizer, id); stops.find(shown) == std::string::npos)
      stops += (stops.empty() ? "" : ", ") + shown;
  line("stops at", stops);
  try {
    line("chat", tokenizer.chat_format().name + " (--chat asks it)");
  } catch (const Error&) {
    line("chat", tokenizer.im_start() ? "by a template that is not known: texts only"
                                      : "no <|im_start|>: texts only");
  }
}

}  // namespace lehr::inspect
