#include <lehr/plugin.h>

#include "documents_stage.h"
#include "tokens_stage.h"

using namespace lehr::plugins::mix;

LEHR_PLUGIN(lehr::Plugin("mix", "1.0.0")
                .summary("mixes, shuffles and shards corpora larger than memory")
                .license("Apache-2.0")
                .stage<Documents>("documents")
                .stage<Tokens>("tokens"))
