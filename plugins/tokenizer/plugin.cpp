#include <lehr/plugin.h>

#include "encode_stage.h"
#include "import_stage.h"
#include "megatron_stage.h"
#include "train_stage.h"

using namespace lehr::plugins::tokenizer;

LEHR_PLUGIN(lehr::Plugin("tokenizer", "1.0.0")
                .summary("byte-level BPE: trains tokenizers and encodes documents")
                .license("Apache-2.0")
                .stage<Train>("train")
                .stage<Encode>("encode")
                .stage<Import>("import")
                .stage<Megatron>("megatron"))
