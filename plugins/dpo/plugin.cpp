#include <lehr/plugin.h>

#include "compute_logprobs.h"
#include "train_dpo.h"
#include "train_kto.h"

LEHR_PLUGIN(lehr::Plugin("dpo", "0.1.0")
                .summary("aligns a model with preferences directly: the DPO family")
                .license("Apache-2.0")
                .stage<lehr::plugins::dpo::TrainDpo>("dpo")
                .stage<lehr::plugins::dpo::TrainKto>("kto")
                .stage<lehr::plugins::dpo::ComputeLogprobs>("logprobs")
                .stage<lehr::plugins::dpo::ComputeKtoLogprobs>("kto_logprobs"))
