// What a model folder computes, for model_oracle.py: model_tool logits FOLDER prints the logits of
// the ids on standard input as float32 rows [T, V]; model_tool greedy FOLDER COUNT prints the ids
// that follow, a stop token included.
#include <ATen/core/grad_mode.h>

#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string>

#include "lm/checkpoint.h"
#include "lm/generator.h"
#include "lm/model.h"
#include "lm/runtime.h"

#include <nlohmann/json.hpp>

using namespace lehr;

namespace {

void print_logits(const lm::Model& model, const std::vector<std::int32_t>& ids) {
  lm::PackedBatch batch;
  batch.ids = ids;
  for (std::size_t i = 0; i < ids.size(); ++i)
    batch.positions.push_back(static_cast<std::int32_t>(i));
  batch.segments.push_back({0, static_cast<std::int32_t>(ids.size()), 0, 0});
  const at::Tensor logits = model.logits(model.forward_hidden(batch)).contiguous();
  std::cout.write(reinterpret_cast<const char*>(logits.const_data_ptr<float>()),
                  static_cast<std::streamsize>(logits.numel() * 4));
}

void print_answer(const lm::Model& model, const std::string& folder,
                  const std::vector<std::int32_t>& ids, std::int64_t count) {
  lm::GenerationOptions options;
  options.max_new_tokens = count;
  options.sampling.temperature = 0;
  const nlohmann::json generation = lm::read_state(folder + "/generation_config.json");
  const auto& stop = generation.at("eos_token_id");
  if (stop.is_array())
    options.stop_tokens = stop.get<std::vector<std::int32_t>>();
  else
    options.stop_tokens = {stop.get<std::int32_t>()};
  const std::vector<lm::GenerationRequest> requests = {{ids, 0}};
  const std::vector<lm::Generation> answers = lm::generate(model, requests, options);
  for (const std::int32_t id : answers[0].tokens) std::cout << id << "\n";
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) return 2;
  lm::start_runtime(2);
  const at::NoGradGuard no_gradients;
  const std::string what = argv[1], folder = argv[2];
  const lm::Model model = lm::Model::load(folder, lm::Precision::kFp32);
  const std::vector<std::int32_t> ids{std::istream_iterator<std::int32_t>(std::cin), {}};
  if (what == "logits")
    print_logits(model, ids);
  else
    print_answer(model, folder, ids, argc > 3 ? std::atoll(argv[3]) : 64);
  return 0;
} catch (const std::exception& error) {
  std::cerr << "model_tool: " << error.what() << "\n";
  return 1;
}
