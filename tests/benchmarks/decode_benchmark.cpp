// Our side of `./tools/bench decode`: greedy answers to prompts of random ids, as decode_peer.py
// makes them. Serves one measurement for each line of standard input, so that it and its peers can
// take turns without loading the model anew:
//
//   decode_benchmark FOLDER PRECISION THREADS DEVICE
//   ids BATCH TOKENS   -> the ids of all answers, one line
//   rate BATCH TOKENS  -> tokens per second, prompts included in the time
#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>

#include "lm/device.h"
#include "lm/generator.h"
#include "lm/model.h"
#include "lm/runtime.h"

using namespace lehr;

namespace {

constexpr std::int32_t kPromptTokens = 32;

// The same in decode_peer.py.
std::vector<lm::GenerationRequest> prompts(std::int32_t batch, std::int64_t vocabulary) {
  std::vector<lm::GenerationRequest> out(static_cast<std::size_t>(batch));
  for (std::int32_t i = 0; i < batch; ++i)
    for (std::int32_t t = 0; t < kPromptTokens; ++t)
      out[static_cast<std::size_t>(i)].prompt.push_back(
          static_cast<std::int32_t>((i * 7919 + t * 104729 + 11) % vocabulary));
  return out;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 5) return 2;
  lm::choose_device(argv[4]);
  lm::start_runtime(std::stoi(argv[3]));
  const lm::Model model = lm::Model::load(argv[1], lm::parse_precision(argv[2]));
  std::string what;
  std::int32_t batch;
  lm::GenerationOptions options;
  options.sampling.temperature = 0;
  while (std::cin >> what >> batch >> options.max_new_tokens) {
    options.batch = batch;
    const auto requests = prompts(batch, model.config().vocab_size);
    const auto start = std::chrono::steady_clock::now();
    const auto answers = lm::generate(model, requests, options);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (what == "ids") {
      for (const auto& answer : answers)
        for (const std::int32_t id : answer.tokens) std::cout << id << " ";
      std::cout << std::endl;
    } else {
      const auto tokens = static_cast<double>(batch) * static_cast<double>(options.max_new_tokens);
      std::cout << tokens / seconds.count() << std::endl;
    }
  }
  return 0;
} catch (const std::exception& error) {
  std::cerr << "decode_benchmark: " << error.what() << "\n";
  return 1;
}
