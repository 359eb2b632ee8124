// What `lehr` asks lehr-inspect to show; it has found the model and checked the options. Passed as
// one argument of JSON.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "lm/generator.h"

namespace lehr::inspect {

struct Request {
  std::string view;            // card, next, text, generate
  std::filesystem::path path;  // folder of a model, or a GGUF file
  std::string title;           // what the user called it
  std::string text;            // the prompt, or the text to be scored
  bool chat = false;           // the prompt is a user's message
  std::size_t top = 10;        // next tokens shown
  lm::GenerationOptions generation;
  std::string precision;
  bool color = false, json = false, live = false;  // live: standard output is a terminal
};

}  // namespace lehr::inspect
