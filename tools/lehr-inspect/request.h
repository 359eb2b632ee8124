// What `lehr` asks lehr-inspect to show; it has found the model and checked the options. Passed as
// one argument of JSON.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lm/generator.h"
#include "text/chat_rows.h"

namespace lehr::inspect {

struct Request {
  std::string view;                  // card, next, text, generate, chat, scores
  std::filesystem::path path;        // folder of a model, or a GGUF file
  std::string title;                 // what the user called it
  std::string text;                  // the prompt, or the text to be scored
  bool chat = false;                 // the prompt is a user's message
  std::string system;                // what the system's message says; empty: none
  std::vector<std::string> answers;  // to be scored
  std::size_t top = 10;              // next tokens shown
  lm::GenerationOptions generation;
  std::string precision;
  bool color = false, json = false, live = false;  // live: standard output is a terminal
};

// What a chat begins with: the system's message, if there is one, and the user's.
inline text::Messages asked(const Request& request) {
  text::Messages messages;
  if (!request.system.empty()) messages.push_back({"system", request.system});
  messages.push_back({"user", request.text});
  return messages;
}

}  // namespace lehr::inspect
