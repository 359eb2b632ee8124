// Where tests run a training stage: byte models at its ports, rows beside them, what comes out.
#pragma once

#include <gtest/gtest.h>
#include <lehr/plugin.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "lm/byte_model_test.h"
#include "lm/fake_host.h"
#include "lm/model_folder.h"
#include "text/fake_host.h"

namespace lehr::lm {

template <class TrainingStage>
struct StageWorkshop {
  lehr_context host;
  const text::Tokenizer tokenizer = byte_tokenizer();

  Model model(std::int64_t context = 64) const {
    return Model::create(byte_model(tokenizer, context), 1, Precision::kFp32);
  }
  std::filesystem::path connect(const std::string& port) {
    const std::filesystem::path folder = host.root / port;
    std::filesystem::create_directory(folder);
    host.inputs.emplace_back(port, folder.string());
    return folder;
  }
  void connect(const std::string& port, const Model& given) {
    save_model_folder(connect(port), given, tokenizer);
  }
  // train and eval: lines of JSON.
  void connect(const std::string& port, const std::string& train, const std::string& eval) {
    const std::filesystem::path folder = connect(port);
    std::ofstream(folder / "train-00000.jsonl") << train;
    std::ofstream(folder / "eval-00000.jsonl") << eval;
  }

  // Its results.
  std::map<std::string, double> run(const nlohmann::json& parameters) {
    const text::ValueTree values(parameters);
    host.parameters = values.root();
    Context context(&host, fake_host());
    detail::bind<TrainingStage>(values.root())->run(context);
    return std::exchange(host.results, {});
  }
  // Stopped once so many steps are done; then it goes on.
  std::map<std::string, double> run_in_two(const nlohmann::json& parameters, int steps,
                                           const char* unit = "steps") {
    host.cancel_after = steps;
    host.cancel_unit = unit;
    EXPECT_THROW(run(parameters), Cancelled);
    host.cancelled = false;
    host.cancel_after = -1;
    return run(parameters);
  }
  bool told(const std::string& what) const {
    return std::any_of(host.messages.begin(), host.messages.end(), [&](const std::string& text) {
      return text.find(what) != std::string::npos;
    });
  }
  std::string weights(const std::string& port) const {
    std::ifstream file(host.root / "out" / port / "model.safetensors", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<double> series(const std::string& name) const {
    std::vector<double> out;
    for (const auto& [step, metric, value] : host.metrics)
      if (metric == name) out.push_back(value);
    return out;
  }
};

// Preferences of short answers, a line each.
inline std::string preference_rows(
    const std::vector<std::pair<std::string, std::string>>& answers) {
  std::string rows;
  for (const auto& [chosen, rejected] : answers)
    rows +=
        R"({"prompt":[{"role":"user","content":"Who?"}],"chosen":[{"role":"assistant","content":")" +
        chosen + R"("}],"rejected":[{"role":"assistant","content":")" + rejected + "\"}]}\n";
  return rows;
}

}  // namespace lehr::lm
