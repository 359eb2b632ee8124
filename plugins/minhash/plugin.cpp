#include <lehr/plugin.h>

#include "minhash_stage.h"

using namespace lehr::plugins::minhash;

LEHR_PLUGIN(lehr::Plugin("minhash", "1.0.0")
                .summary("finds near-duplicate documents among all, and keeps one of each cluster")
                .license("Apache-2.0")
                .stage<Minhash>("minhash"))
