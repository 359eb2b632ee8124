#include <lehr/plugin.h>

#include "wordnet_stage.h"

LEHR_PLUGIN(lehr::Plugin("wordnet", "0.1.0")
                .summary("language data with known answers from the WordNet database")
                .license("Apache-2.0")
                .stage<lehr::plugins::wordnet::WordNetStage>("wordnet"))
