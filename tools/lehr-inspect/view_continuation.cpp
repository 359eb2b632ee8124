#include <lehr/value.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "chart.h"
#include "lm/generator.h"
#include "text/utf8_repair.h"
#include "token_json.h"
#include "views.h"

namespace lehr::inspect {
namespace {

// Prints bytes as they come in tokens; a character that is not whole waits for its rest.
class Stream {
 public:
  void add(std::string_view bytes) {
    held_ += bytes;
    const std::size_t whole = text::whole_characters(held_);
    print(whole);
  }
  void end() { print(held_.size()); }

 private:
  void print(std::size_t size) {
    std::cout << text::visible(std::string_view(held_).substr(0, size)) << std::flush;
    held_.erase(0, size);
  }
  std::string held_;
};

std::string ending(const lm::Generation& answer, const text::Tokenizer& tokenizer,
                   std::int64_t most) {
  if (answer.stopped) return "ended by " + piece(tokenizer, answer.tokens.back());
  return static_cast<std::int64_t>(answer.tokens.size()) >= most ? "cut there"
                                                                 : "the context is full";
}

}  // namespace

void show_continuation(const Request& request, const OpenedModel& opened) {
  const text::Tokenizer& tokenizer = opened.tokenizer;
  const std::vector<std::int32_t> ids = prompt_ids(opened, request.text, request.chat);
  lm::GenerationOptions options = request.generation;
  options.stop_tokens = opened.stop_tokens;
  const auto is_stop = [&](std::int32_t id) {
    return std::find(options.stop_tokens.begin(), options.stop_tokens.end(), id) !=
           options.stop_tokens.end();
  };
  Stream stream;
  const auto show = [&](std::size_t, const lm::Generation& so_far) {
    const std::int32_t id = so_far.tokens.back();
    if (!is_stop(id) && static_cast<std::size_t>(id) < tokenizer.vocab_size())
      stream.add(tokenizer.token_bytes(static_cast<text::TokenId>(id)));
    return false;
  };
  if (!request.json && !request.chat)
    std::cout << painted(text::visible(request.text), kBold, request.color) << std::flush;
  const auto start = std::chrono::steady_clock::now();
  lm::GenerationCallbacks callbacks;
  if (!request.json) callbacks.token = show;
  const std::vector<lm::GenerationRequest> prompts = {{ids, 0}};
  const lm::Generation answer = lm::generate(opened.model, prompts, options, callbacks)[0];
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (!std::all_of(answer.logprobs.begin(), answer.logprobs.end(),
                   [](float logprob) { return std::isfinite(logprob); }))
    throw Error(kNotFinite);
  const bool full =
      !answer.stopped && static_cast<std::int64_t>(answer.tokens.size()) < options.max_new_tokens;
  if (full && !request.live)
    std::cerr << "lehr: the context is full after " << answer.tokens.size() << " of "
              << options.max_new_tokens << " tokens\n";
  if (request.json) {
    Json tokens = Json::array();
    for (std::size_t i = 0; i < answer.tokens.size(); ++i)
      tokens.push_back(token_json(tokenizer, Candidate{answer.tokens[i], answer.logprobs[i]}));
    std::vector<text::TokenId> said = token_ids(answer.tokens);
    if (answer.stopped) said.pop_back();
    const Json out = {{"model", request.title},
                      {"prompt", tokens_json(tokenizer, ids)},
                      {"text", tokenizer.decode(said)},
                      {"tokens", std::move(tokens)},
                      {"stopped", answer.stopped}};
    std::cout << out.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
    return;
  }
  stream.end();
  std::cout << std::endl;
  if (!request.live) return;
  char facts[160];
  std::snprintf(facts, sizeof facts, "%zu tokens in, %zu out, %.0f tokens/s; %s", ids.size(),
                answer.tokens.size(), static_cast<double>(answer.tokens.size()) / seconds.count(),
                ending(answer, tokenizer, options.max_new_tokens).c_str());
  std::cerr << painted(facts, kDim, request.color) << "\n";
}

}  // namespace lehr::inspect
