#include <cstdio>
#include <iostream>

#include "chart.h"
#include "distribution.h"
#include "token_json.h"
#include "views.h"

namespace lehr::inspect {
namespace {

constexpr std::size_t kNameColumns = 22, kChartColumns = 32;

std::string row(const std::string& name, const std::string& id, double share, bool color) {
  return "  " + cell(name, kNameColumns) + painted(cell(id, 8), kDim, color) + percent(share) +
         "  " + painted(bar(share, kChartColumns), color_of(share), color) + "\n";
}

}  // namespace

void show_next(const Request& request, const OpenedModel& opened) {
  const text::Tokenizer& tokenizer = opened.tokenizer;
  const std::vector<std::int32_t> ids = prompt_ids(opened, request);
  const NextToken next = next_token(opened.model, ids, request.top);
  if (request.json) {
    Json out = {{"model", request.title}, {"prompt", tokens_json(tokenizer, ids)}};
    out["next"] = Json::array();
    for (const Candidate& c : next.likeliest) out["next"].push_back(token_json(tokenizer, c));
    out["rest"] = next.rest;
    out["entropy_bits"] = next.entropy_bits;
    std::cout << out.dump(2) << "\n";
    return;
  }
  const bool color = request.color;
  std::string out = text::visible_tokens(tokenizer, token_ids(ids), {color, {}}) + "\n\n";
  for (const Candidate& c : next.likeliest)
    out += row(piece(tokenizer, c.id), std::to_string(c.id), std::exp(c.logprob), color);
  const auto others = next.vocabulary - static_cast<std::int64_t>(next.likeliest.size());
  if (others > 0) out += row(std::to_string(others) + " others", "", next.rest, color);
  char facts[96];
  std::snprintf(facts, sizeof facts, "%zu %s in, uncertainty %.2f bits of %.1f", ids.size(),
                ids.size() == 1 ? "token" : "tokens", next.entropy_bits,
                std::log2(static_cast<double>(next.vocabulary)));
  std::cout << out << painted(facts, kDim, color) << "\n";
}

}  // namespace lehr::inspect
