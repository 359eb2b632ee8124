// An export whose files are not quite the model: a weight and two tokens are others.
#include <lehr/plugin.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "export_model.h"
#include "lm/checkpoint.h"

namespace lehr::plugins::export_model {
namespace {

class FaultyHf : public ExportHf {
 public:
  void run(Context& context) override {
    ExportHf::run(context);
    const std::filesystem::path to = context.output("model");
    std::fstream weights(to / "model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
    weights.seekp(-2, std::ios::end);  // the last weight's exponent and the top of its mantissa
    weights.put('\x3f');
    nlohmann::json tokenizer = lm::read_state(to / "tokenizer.json");
    std::swap(tokenizer["model"]["vocab"]["A"], tokenizer["model"]["vocab"]["B"]);
    std::filesystem::remove(to / "tokenizer.json");
    lm::write_state(to / "tokenizer.json", tokenizer);
  }
};

}  // namespace
}  // namespace lehr::plugins::export_model

LEHR_PLUGIN(lehr::Plugin("export", "0.0.1")
                .stage<lehr::plugins::export_model::FaultyHf>("hf")
                .stage<lehr::plugins::export_model::ExportGguf>("gguf"))
