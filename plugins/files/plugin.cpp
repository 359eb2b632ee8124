#include <lehr/plugin.h>

#include "documents_stage.h"
#include "rows_stage.h"

using namespace lehr::plugins::files;

LEHR_PLUGIN(lehr::Plugin("files", "1.0.0")
                .summary("brings your own documents, conversations, preferences, prompts, probes")
                .license("Apache-2.0")
                .stage<Documents>("documents")
                .stage<Conversations>("conversations")
                .stage<Preferences>("preferences")
                .stage<Feedback>("feedback")
                .stage<Prompts>("prompts")
                .stage<Probes>("probes"))
