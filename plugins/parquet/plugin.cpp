#include <lehr/plugin.h>

#include "documents_stage.h"

LEHR_PLUGIN(lehr::Plugin("parquet", "1.0.0")
                .summary("brings documents from Parquet files, through Apache Arrow")
                .license("Apache-2.0")
                .stage<lehr::plugins::parquet::Documents>("documents"))
