// A PPO whose first ratio is not quite 1, and which does not look.
#include <lehr/plugin.h>

#include "train_ppo.h"

namespace lehr::plugins::ppo {
namespace {

class FaultyPpo : public TrainPpo {
 public:
  void run(Context& context) override {
    TrainPpo::run(context);
    context.metric(0, "val/ratio", 1 + 1e-6);
  }
};

}  // namespace
}  // namespace lehr::plugins::ppo

LEHR_PLUGIN(lehr::Plugin("ppo", "0.0.1").stage<lehr::plugins::ppo::FaultyPpo>("ppo"))
