#include <lehr/plugin.h>

#include "pretrain.h"

LEHR_PLUGIN(lehr::Plugin("pretrain", "0.1.0")
                .summary("trains a language model on tokens, from scratch or onward")
                .license("Apache-2.0")
                .stage<lehr::plugins::pretrain::Pretrain>("pretrain"))
