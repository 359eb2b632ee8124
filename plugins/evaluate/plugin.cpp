#include <lehr/plugin.h>

#include "evaluate_stage.h"

LEHR_PLUGIN(lehr::Plugin("evaluate", "0.1.0")
                .summary("every model through the same probes, side by side")
                .license("Apache-2.0")
                .stage<lehr::plugins::evaluate::EvaluateStage>("evaluate"))
