// A training that notes the time beside its model.
#include <lehr/plugin.h>

#include <chrono>
#include <fstream>

#include "pretrain.h"

namespace lehr::plugins::pretrain {
namespace {

class FaultyPretrain : public Pretrain {
 public:
  void run(Context& context) override {
    Pretrain::run(context);
    std::ofstream(context.output("model") / "made.txt")
        << std::chrono::system_clock::now().time_since_epoch().count();
  }
};

}  // namespace
}  // namespace lehr::plugins::pretrain

LEHR_PLUGIN(
    lehr::Plugin("pretrain", "0.0.1").stage<lehr::plugins::pretrain::FaultyPretrain>("pretrain"))
