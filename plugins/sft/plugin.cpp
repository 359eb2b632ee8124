#include <lehr/plugin.h>

#include "sft.h"

LEHR_PLUGIN(lehr::Plugin("sft", "0.1.0")
                .summary("fine-tunes a language model on conversations")
                .license("Apache-2.0")
                .stage<lehr::plugins::sft::Sft>("sft"))
