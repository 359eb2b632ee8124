#include <lehr/plugin.h>

#include "train_ppo.h"

LEHR_PLUGIN(lehr::Plugin("ppo", "0.1.0")
                .summary("aligns a policy with a reward model by proximal policy optimization")
                .license("Apache-2.0")
                .stage<lehr::plugins::ppo::TrainPpo>("ppo"))
