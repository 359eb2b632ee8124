// What a model folder computes, for model_oracle.py: model_tool logits FOLDER prints the logits of
// the ids on standard input as float32 rows [T, V]; model_tool greedy FOLDER COUNT prints the ids
// that follow, a stop token included. For muon_oracle.py: model_tool muon ROWS COLUMNS STEPS reads
// a weight and the gradients of as many steps, float32, and prints the weight after them.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string>

#include "lm/checkpoint.h"
#include "lm/generator.h"
#include "lm/model.h"
#include "lm/muon.h"
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

void read_values(const at::Tensor& into) {
  std::cin.read(static_cast<char*>(into.data_ptr()), static_cast<std::streamsize>(into.nbytes()));
}

void print_muon(std::int64_t rows, std::int64_t columns, int steps) {
  const at::Tensor weight = at::zeros({rows, columns}), buffer = at::zeros({rows, columns});
  const at::Tensor gradient = at::empty({rows, columns});
  read_values(weight);
  for (int step = 0; step < steps; ++step) {
    read_values(gradient);
    lm::muon_step(weight, gradient, buffer, weight, {.learning_rate = 0.02, .weight_decay = 0.1});
  }
  std::cout.write(static_cast<const char*>(weight.const_data_ptr()),
                  static_cast<std::streamsize>(weight.nbytes()));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) return 2;
  lm::start_runtime(2);
  const at::NoGradGuard no_gradients;
  const std::string what = argv[1], folder = argv[2];
  if (what == "muon" && argc == 5) {
    print_muon(std::atoll(argv[2]), std::atoll(argv[3]), std::atoi(argv[4]));
    return 0;
  }
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
