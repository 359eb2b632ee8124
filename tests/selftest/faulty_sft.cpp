// A fine-tuning whose last step depends on the process that made it.
#include <lehr/plugin.h>
#include <unistd.h>

#include "lm/model.h"
#include "sft.h"

namespace lehr::plugins::sft {
namespace {

class FaultySft : public Sft {
 public:
  void run(Context& context) override {
    Sft::run(context);
    lm::Model model = lm::Model::load(context.output("model"), lm::Precision::kFp32);
    model.parameter("model.norm.weight").add_(1e-4 * (::getpid() % 1000));
    std::filesystem::remove(context.output("model") / "config.json");
    std::filesystem::remove(context.output("model") / "model.safetensors");
    model.save(context.output("model"));
  }
};

}  // namespace
}  // namespace lehr::plugins::sft

LEHR_PLUGIN(lehr::Plugin("sft", "0.0.1").stage<lehr::plugins::sft::FaultySft>("sft"))
