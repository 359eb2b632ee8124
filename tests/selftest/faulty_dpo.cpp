// A DPO whose first loss is another, and which does not look.
#include <lehr/plugin.h>

#include "train_dpo.h"

namespace lehr::plugins::dpo {
namespace {

class FaultyDpo : public TrainDpo {
 public:
  void run(Context& context) override {
    TrainDpo::run(context);
    context.metric(0, "loss", 0.6932);
  }
};

}  // namespace
}  // namespace lehr::plugins::dpo

LEHR_PLUGIN(lehr::Plugin("dpo", "0.0.1").stage<lehr::plugins::dpo::FaultyDpo>("dpo"))
