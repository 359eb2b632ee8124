#include <lehr/plugin.h>

#include "import_model.h"

using namespace lehr::plugins::import;

LEHR_PLUGIN(lehr::Plugin("import", "1.0.0")
                .summary("brings a model that was made elsewhere into a pipeline")
                .license("Apache-2.0")
                .stage<ImportModel>("model")
                .stage<ImportRewardModel>("reward_model"))
