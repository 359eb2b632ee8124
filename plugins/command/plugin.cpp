#include <lehr/plugin.h>

#include "command_stage.h"

LEHR_PLUGIN(lehr::Plugin("command", "1.0.0")
                .summary("any program as a stage")
                .license("Apache-2.0")
                .stage<lehr::plugins::command::CommandStage>("run"))
