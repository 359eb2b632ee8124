#include <cstdio>
#include <iostream>

#include "chart.h"
#include "speech.h"
#include "token_json.h"
#include "views.h"

namespace lehr::inspect {

void show_continuation(const Request& request, const OpenedModel& opened) {
  const text::Tokenizer& tokenizer = opened.tokenizer;
  const std::vector<std::int32_t> ids = prompt_ids(opened, request);
  if (!request.json && !request.chat)
    std::cout << painted(text::visible(request.text), kBold, request.color) << std::flush;
  const Speech speech = speak(request, opened, {ids, 0});
  const lm::Generation& said = speech.said;
  if (request.json) {
    Json tokens = Json::array();
    for (std::size_t i = 0; i < said.tokens.size(); ++i)
      tokens.push_back(token_json(tokenizer, Candidate{said.tokens[i], said.logprobs[i]}));
    const Json out = {{"model", request.title},
                      {"prompt", tokens_json(tokenizer, ids)},
                      {"text", speech.text},
                      {"tokens", std::move(tokens)},
                      {"stopped", said.stopped}};
    std::cout << out.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
    return;
  }
  std::cout << std::endl;
  if (!request.live) return;
  char facts[160];
  std::snprintf(facts, sizeof facts, "%zu tokens in, %zu out, %.0f tokens/s; %s", ids.size(),
                said.tokens.size(), static_cast<double>(said.tokens.size()) / speech.seconds,
                ending(speech, request, opened).c_str());
  std::cerr << painted(facts, kDim, request.color) << "\n";
}

}  // namespace lehr::inspect
