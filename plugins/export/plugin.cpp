#include <lehr/plugin.h>

#include "export_model.h"

using namespace lehr::plugins::export_model;

LEHR_PLUGIN(lehr::Plugin("export", "1.0.0")
                .summary("writes models for other programs")
                .license("Apache-2.0")
                .stage<ExportHf>("hf")
                .stage<ExportGguf>("gguf"))
