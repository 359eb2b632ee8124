#include <algorithm>
#include <cstdio>
#include <iostream>
#include <numbers>

#include "chart.h"
#include "distribution.h"
#include "token_json.h"
#include "views.h"

namespace lehr::inspect {
namespace {

constexpr std::size_t kMostRows = 400;  // of a longer text only what surprises most is shown
constexpr std::size_t kSurprises = 30, kPieceColumns = 15, kBarColumns = 7, kLikelierColumns = 10;

struct Summary {
  std::size_t tokens = 0;  // scored
  double nats = 0;
  double byte_nats = 0, bytes = 0;  // of those that stand for bytes, which special tokens do not
  double perplexity() const { return std::exp(nats / static_cast<double>(tokens)); }
  double bits_per_byte() const { return bytes > 0 ? byte_nats / (std::numbers::ln2 * bytes) : 0; }
};

Summary summarize(const text::Tokenizer& tokenizer, const std::vector<ScoredToken>& scores) {
  Summary out;
  for (const ScoredToken& s : scores) {
    ++out.tokens;
    out.nats -= s.token.logprob;
    const double bytes = tokenizer.byte_lengths()[static_cast<std::size_t>(s.token.id)];
    if (bytes == 0) continue;
    out.bytes += bytes;
    out.byte_nats -= s.token.logprob;
  }
  return out;
}

std::string right(const std::string& text, std::size_t columns) {
  return (text.size() < columns ? std::string(columns - text.size(), ' ') : "") + text;
}

// 79 columns; ln p in nats. What follows the bar is there only where something was likelier.
std::string heading(bool color) {
  return painted("   at     id  token           chance   ln p  " + cell("", kBarColumns) +
                     "   rank  likelier",
                 kDim, color) +
         "\n";
}

std::string row(const text::Tokenizer& tokenizer, std::size_t at, const ScoredToken* s,
                std::int32_t id, bool color) {
  std::string out =
      painted(right(std::to_string(at), 5) + right(std::to_string(id), 7), kDim, color) + "  " +
      cell(piece(tokenizer, id), kPieceColumns) + " ";
  if (!s) return out + painted("  (nothing predicts the first)", kDim, color) + "\n";
  const double p = std::exp(s->token.logprob);
  const std::string drawn = bar(p, kBarColumns);
  char logprob[16];
  std::snprintf(logprob, sizeof logprob, "%7.2f", s->token.logprob);
  out += percent(p) + painted(logprob, kDim, color) + "  " + painted(drawn, color_of(p), color);
  if (s->rank > 1)
    out += std::string(kBarColumns - text::column_width(drawn), ' ') +
           painted("  " + right(std::to_string(s->rank), 5) + "  " +
                       cell(piece(tokenizer, s->likeliest.id), kLikelierColumns) +
                       percent(std::exp(s->likeliest.logprob)),
                   kDim, color);
  return out + "\n";
}

void print_json(const Request& request, const OpenedModel& opened,
                const std::vector<std::int32_t>& ids, const std::vector<ScoredToken>& scores,
                const Summary& summary) {
  Json tokens = Json::array({token_json(opened.tokenizer, ids[0])});
  for (const ScoredToken& s : scores) {
    Json token = token_json(opened.tokenizer, s.token);
    token["rank"] = s.rank;
    token["likeliest"] = token_json(opened.tokenizer, s.likeliest);
    tokens.push_back(std::move(token));
  }
  const Json out = {{"model", request.title},
                    {"tokens", std::move(tokens)},
                    {"scored_tokens", summary.tokens},
                    {"loss", summary.nats / static_cast<double>(summary.tokens)},
                    {"perplexity", summary.perplexity()},
                    {"bits_per_byte", summary.bits_per_byte()}};
  std::cout << out.dump(2) << "\n";
}

}  // namespace

void show_text(const Request& request, const OpenedModel& opened) {
  const text::Tokenizer& tokenizer = opened.tokenizer;
  const std::vector<text::TokenId> tokens = tokenizer.encode(request.text, text::Specials::match);
  const std::vector<std::int32_t> ids(tokens.begin(), tokens.end());
  if (ids.size() < 2)
    throw Error("the text has " + std::to_string(ids.size()) +
                (ids.size() == 1 ? " token" : " tokens") +
                "; the first one is predicted by nothing, so at least 2 are needed");
  const std::vector<ScoredToken> scores = score(opened.model, ids);
  const Summary summary = summarize(tokenizer, scores);
  if (request.json) return print_json(request, opened, ids, scores, summary);

  std::string out;
  std::vector<std::size_t> shown(scores.size());  // numbers of scores
  for (std::size_t i = 0; i < shown.size(); ++i) shown[i] = i;
  if (ids.size() > kMostRows) {
    std::stable_sort(shown.begin(), shown.end(), [&](std::size_t a, std::size_t b) {
      return scores[a].token.logprob < scores[b].token.logprob;
    });
    shown.resize(kSurprises);
    std::sort(shown.begin(), shown.end());
    out += "the " + std::to_string(kSurprises) + " least expected of " +
           std::to_string(scores.size()) + " tokens\n";
  }
  out += heading(request.color);
  if (ids.size() <= kMostRows) out += row(tokenizer, 1, nullptr, ids[0], request.color);
  for (const std::size_t i : shown)
    out += row(tokenizer, i + 2, &scores[i], ids[i + 1], request.color);
  char facts[160];
  std::snprintf(facts, sizeof facts,
                "\n%zu tokens predicted: loss %.4f, perplexity %.2f, %.4f bits per byte\n",
                summary.tokens, summary.nats / static_cast<double>(summary.tokens),
                summary.perplexity(), summary.bits_per_byte());
  std::cout << out << facts;
}

}  // namespace lehr::inspect
