#include <lehr/plugin.h>

#include "train_reward.h"

LEHR_PLUGIN(lehr::Plugin("reward", "0.1.0")
                .summary("trains a model that scores answers from preferences between them")
                .license("Apache-2.0")
                .stage<lehr::plugins::reward::TrainReward>("reward"))
