#include "speech.h"

#include <lehr/value.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <span>
#include <string_view>

#include "distribution.h"
#include "lm/answer_text.h"
#include "text/utf8_repair.h"
#include "token_json.h"

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

bool is_stop(const OpenedModel& opened, std::int32_t id) {
  return std::ranges::find(opened.stop_tokens, id) != opened.stop_tokens.end();
}

}  // namespace

Speech speak(const Request& request, const OpenedModel& opened, const lm::GenerationRequest& prompt,
             lm::KeptPrefix* kept, const std::function<bool()>& enough) {
  const text::Tokenizer& tokenizer = opened.tokenizer;
  lm::GenerationOptions options = request.generation;
  options.stop_tokens = opened.stop_tokens;
  Stream stream;
  lm::GenerationCallbacks callbacks;
  callbacks.token = [&](std::size_t, const lm::Generation& so_far) {
    const std::int32_t id = so_far.tokens.back();
    const bool shown = !request.json && !is_stop(opened, id);
    if (shown && static_cast<std::size_t>(id) < tokenizer.vocab_size())
      stream.add(tokenizer.token_bytes(static_cast<text::TokenId>(id)));
    return enough && enough();
  };
  const auto start = std::chrono::steady_clock::now();
  Speech out{lm::generate(opened.model, {&prompt, 1}, options, callbacks, kept)[0], {}, 0};
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  stream.end();
  if (!std::ranges::all_of(out.said.logprobs, [](float logprob) { return std::isfinite(logprob); }))
    throw Error(kNotFinite);
  std::span<const std::int32_t> tokens = out.said.tokens;
  if (is_stop(opened, tokens.back())) tokens = tokens.first(tokens.size() - 1);
  out.text = lm::answer_text(tokenizer, tokens);
  const auto count = static_cast<std::int64_t>(out.said.tokens.size());
  if (!out.said.stopped && count < options.max_new_tokens && !request.live)
    std::cerr << "lehr: the context is full after " << count << " of " << options.max_new_tokens
              << " tokens\n";
  return out;
}

std::string ending(const Speech& speech, const Request& request, const OpenedModel& opened) {
  const std::vector<std::int32_t>& tokens = speech.said.tokens;
  if (is_stop(opened, tokens.back())) return "ended by " + piece(opened.tokenizer, tokens.back());
  if (speech.said.stopped) return "interrupted";
  return static_cast<std::int64_t>(tokens.size()) >= request.generation.max_new_tokens
             ? "cut there"
             : "the context is full";
}

}  // namespace lehr::inspect
