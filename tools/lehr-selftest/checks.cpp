// Tolerances. fp32: two orders of one sum differ by some 1e-7 for each of a few dozen products in a
// row, so 1e-5 leaves a wide margin. bf16 keeps 8 bits, 4e-3 a rounding, of every activation: what
// rounds elsewhere ends a few per cent apart. What must be exact is exact in either.
#include "checks.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "lm/gguf_model.h"
#include "lm/gguf_tokenizer.h"
#include "lm/reference_model.h"
#include "lm/small_model.h"
#include "model_checks.h"
#include "stage_checks.h"
#include "workshop.h"

namespace lehr::selftest {
namespace {

using lm::Precision;

lm::Model trainable(const lm::ModelConfig& config, Precision precision) {
  lm::Model model = lm::disturbed(lm::Model::create(config, 7, precision));
  model.make_trainable();
  return model;
}

// One of odd widths, which no vector fills, and one of even ones, which all kernels take.
std::vector<lm::ModelConfig> shapes() {
  std::vector<lm::ModelConfig> out;
  for (const lm::Family family : {lm::Family::kLlama, lm::Family::kQwen2, lm::Family::kQwen3})
    for (const bool even : {false, true}) {
      lm::ModelConfig config = lm::small_config(family != lm::Family::kQwen2);
      config.family = family;
      if (even) {
        config.hidden_size = 64;
        config.intermediate_size = 192;
        config.head_dim = 16;
        config.vocab_size = 104;
        config.rope_scaling = {4.0, 1.0, 8.0, 128};
      }
      out.push_back(config);
    }
  return out;
}

Measure reference(Workshop&, Precision precision) {
  Measure out;
  for (const lm::ModelConfig& config : shapes()) {
    lm::Model model = trainable(config, precision);
    const Measure one = reference_difference(model, lm::ReferenceModel(model), lm::mixed_batch());
    out.take(one.difference, one.where + " (" + lm::family_name(config.family) + ", head width " +
                                 std::to_string(config.head_dim) + ")");
  }
  return out;
}

Measure packed(Workshop&, Precision precision) {
  lm::Model model = trainable(lm::small_config(), precision);
  const lm::PackedBatch batch = lm::mixed_batch();
  return packed_difference(model, batch, documents_of(batch));
}

Measure lora(Workshop&, Precision precision) {
  lm::Model beside = lm::Model::create(lm::small_config(), 7, precision);
  beside.add_adapter({.rank = 4, .alpha = {}}, 3);
  const lm::Random random(22, lm::Purpose::kUser);
  std::vector<float> noise;
  for (std::int64_t i = 0; i < beside.trained().weights.numel(); ++i)
    noise.push_back(static_cast<float>(0.1 * random.normal(static_cast<std::uint64_t>(i))));
  beside.trained().weights.add_(lm::floats(noise, lm::device()));  // B starts at 0
  beside.refresh_compute_copy();
  lm::Model merged = beside.clone();
  merged.merge_adapter();
  return adapter_difference(beside, merged, lm::mixed_batch());
}

Measure decoding(Workshop&, Precision precision) {
  const lm::Model model = lm::Model::create(lm::small_config(), 3, precision);
  return decoding_difference(model, model);
}

Measure reward(Workshop&, Precision precision) {
  const lm::Model model = lm::Model::create(lm::small_config(), 9, precision).with_score_head(3);
  return reward_difference(model, model);
}

Measure accumulation(Workshop& workshop, Precision precision) {
  Workshop::Ran ran = workshop.run("accumulation", precision);
  return update_difference(workshop.output("base.model"),
                           {workshop.output("whole.model"), ran.first_step["whole"]},
                           {workshop.output("parts.model"), ran.first_step["parts"]});
}

Measure dpo(Workshop& workshop, Precision precision) {
  return dpo_difference(workshop.run("dpo", precision).first_step["dpo"]);
}

Measure ppo(Workshop& workshop, Precision precision) {
  return ppo_difference(workshop.run("ppo", precision).first_step["ppo"]);
}

Measure exported(Workshop& workshop, Precision precision) {
  workshop.run("export", precision);
  const lm::Model native = lm::Model::load(workshop.output("base.model"), precision);
  Measure out = export_difference(native, lm::Model::load(workshop.output("hf.model"), precision),
                                  "the Hugging Face folder");
  const lm::GgufFile file(workshop.output("gguf.gguf") / "model.gguf");
  const Measure gguf =
      export_difference(native, lm::load_gguf_model(file, precision), "the GGUF file");
  out.take(gguf.difference, gguf.where);
  return out;
}

Measure chat_template(Workshop& workshop, Precision precision) {
  workshop.run("export", precision);
  const auto training = text::Tokenizer::load(workshop.output("base.model"));
  Measure out = template_difference(training, text::Tokenizer::load(workshop.output("hf.model")),
                                    workshop.file("conversations.jsonl"), "the exported folder");
  const lm::GgufFile file(workshop.output("gguf.gguf") / "model.gguf");
  const Measure gguf = template_difference(training, text::Tokenizer(lm::gguf_tokenizer(file)),
                                           workshop.file("conversations.jsonl"), "the GGUF file");
  out.take(gguf.difference, gguf.where);
  return out;
}

Measure resume(Workshop& workshop, Precision precision) {
  struct Training {
    std::string pipeline, stage;
  };
  Measure out;
  for (const auto& [pipeline, stage] : {Training{"base", "base"}, Training{"resume", "aligned"}}) {
    workshop.run(pipeline, precision);
    if (!workshop.run_and_kill(pipeline, stage, precision, "killed").killed)
      throw std::runtime_error("the training of '" + stage + "' ended before it could be killed");
    if (!workshop.run(pipeline, precision, "killed").went_on)
      throw std::runtime_error("'" + stage + "' did not go on from a checkpoint of the killed run");
    const std::string model = stage + ".model";
    const Measure one = files_difference(workshop.output(model), workshop.output(model, "killed"));
    out.take(one.difference, one.where + " of '" + stage + "'");
  }
  return out;
}

struct Check {
  std::string name;
  double fp32, bf16;  // tolerances; bf16 below 0: only fp32
  Measure (*measure)(Workshop&, Precision);
};

constexpr double kOnlyFp32 = -1;
const Check kChecks[] = {
    {"reference", 2e-5, 0.2, reference},
    {"packed", 1e-5, 0.02, packed},
    {"lora", 1e-5, 0.1, lora},
    {"decoding", 1e-4, 0.1, decoding},
    {"reward", 1e-5, 0.05, reward},
    {"accumulation", 1e-5, 0.02, accumulation},
    {"dpo", 1e-6, 1e-6, dpo},
    {"ppo", 0, 0, ppo},
    {"export", 0, kOnlyFp32, exported},
    {"template", 0, kOnlyFp32, chat_template},
    {"resume", 0, kOnlyFp32, resume},
};

Finding made(const CheckName& name, const Check& check, Precision precision, Workshop& workshop) {
  Finding out{.check = name,
              .precision = precision,
              .tolerance = precision == Precision::kFp32 ? check.fp32 : check.bf16,
              .measured = {},
              .failure = {}};
  const auto begin = std::chrono::steady_clock::now();
  try {
    out.measured = check.measure(workshop, precision);
  } catch (const std::exception& e) {
    out.failure = e.what();
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  out.seconds = time.count();
  return out;
}

const Check& check_of(const CheckName& name) {
  for (const Check& check : kChecks)
    if (check.name == name.name) return check;
  throw std::logic_error(std::string("there is no function for the check ") + name.name);
}

}  // namespace

void run_checks(const Request& request, const std::function<bool(const CheckName&)>& begin,
                const std::function<void(const Finding&)>& found) {
  Workshop workshop(request.device, request.plugin_paths);
  for (const CheckName& name : kCheckNames) {
    const Check& check = check_of(name);
    const auto& only = request.only;
    if (!only.empty() && std::find(only.begin(), only.end(), name.name) == only.end()) continue;
    for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
      if (precision == Precision::kBf16 &&
          (check.bf16 < 0 || lm::default_precision() != Precision::kBf16))
        continue;
      if (!begin(name)) return;
      found(made(name, check, precision, workshop));
    }
  }
}

}  // namespace lehr::selftest
