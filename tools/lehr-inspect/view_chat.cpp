// A conversation. Each line of standard input is a turn; of what was said before, the key/value
// cache still knows all that the chat template leaves as it was.
#include <lehr/value.h>
#include <signal.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <iostream>

#include "chart.h"
#include "speech.h"
#include "text/chat.h"
#include "token_json.h"
#include "views.h"

namespace lehr::inspect {
namespace {

volatile std::sig_atomic_t interrupted = 0;

// Ctrl-C ends the answer and no more, as long as one lives; a second one ends the program.
class EndsTheAnswer {
 public:
  explicit EndsTheAnswer(bool on) : on_(on) {
    if (!on_) return;
    interrupted = 0;
    struct sigaction action = {};
    action.sa_handler = [](int) { interrupted = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, &before_);
  }
  ~EndsTheAnswer() {
    if (on_) ::sigaction(SIGINT, &before_, nullptr);
  }
  EndsTheAnswer(const EndsTheAnswer&) = delete;
  EndsTheAnswer& operator=(const EndsTheAnswer&) = delete;

 private:
  bool on_;
  struct sigaction before_ = {};
};

// The prompt of all messages. Where it leaves the answer less than a quarter of the context, the
// first questions go, each with its answer.
std::vector<std::int32_t> fitting_prompt(const OpenedModel& opened, text::Messages& messages,
                                         text::Tokenizer::Cache& cache) {
  const auto context = static_cast<std::size_t>(opened.model.config().max_position_embeddings);
  const std::size_t first = messages.front().role == "system" ? 1 : 0;
  std::size_t gone = 0;
  while (true) {
    const auto ids = text::render_prompt(opened.tokenizer, messages, cache);
    if (ids.size() <= context - context / 4 || messages.size() <= first + 1) {
      if (gone > 0)
        std::cerr << "lehr: the context is full: the model no longer sees the first "
                  << (gone == 1 ? "question" : std::to_string(gone) + " questions")
                  << " of these\n";
      return checked_prompt(opened, ids);
    }
    messages.erase(messages.begin() + static_cast<std::ptrdiff_t>(first),
                   messages.begin() + static_cast<std::ptrdiff_t>(first) + 2);
    ++gone;
  }
}

void tell(const Request& request, const OpenedModel& opened, const Speech& speech,
          std::size_t tokens_in, std::int64_t reused) {
  char facts[160];
  std::snprintf(facts, sizeof facts,
                "%zu tokens in, %lld of them known; %zu out, %.0f tokens/s; %s", tokens_in,
                static_cast<long long>(reused), speech.said.tokens.size(),
                static_cast<double>(speech.said.tokens.size()) / speech.seconds,
                ending(speech, request, opened).c_str());
  std::cerr << painted(facts, kDim, request.color) << "\n";
}

}  // namespace

void show_chat(const Request& request, const OpenedModel& opened) {
  const bool asks = ::isatty(STDIN_FILENO) == 1;
  text::Messages messages;
  if (!request.system.empty()) messages.push_back({"system", request.system});
  text::Tokenizer::Cache cache;
  lm::KeptPrefix kept;
  if (asks)
    std::cerr << painted("Ctrl-C ends an answer, Ctrl-D the conversation", kDim, request.color)
              << "\n";
  std::string line;
  for (std::uint64_t turn = 0;;) {
    if (asks) std::cerr << painted("> ", kBold, request.color) << std::flush;
    if (!std::getline(std::cin, line)) break;
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(" \t") == line.npos) continue;
    messages.push_back({"user", line});
    std::vector<std::int32_t> ids;
    try {
      ids = fitting_prompt(opened, messages, cache);
    } catch (const Error& error) {
      if (!asks) throw;
      std::cerr << "lehr: " << error.what() << "\n";
      messages.pop_back();
      continue;
    }
    const EndsTheAnswer on_interrupt(asks);
    const Speech speech =
        speak(request, opened, {ids, turn++}, &kept, [] { return interrupted != 0; });
    messages.push_back({"assistant", speech.text});
    if (request.json) {
      const Json out = {{"user", line},
                        {"assistant", speech.text},
                        {"tokens_in", ids.size()},
                        {"tokens_known", kept.reused},
                        {"tokens_out", speech.said.tokens.size()},
                        {"stopped", speech.said.stopped}};
      std::cout << out.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
      continue;
    }
    std::cout << std::endl;
    if (request.live) tell(request, opened, speech, ids.size(), kept.reused);
  }
  if (asks) std::cerr << "\n";
}

}  // namespace lehr::inspect
