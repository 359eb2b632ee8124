#include <lehr/plugin.h>

#include "brevity.h"
#include "no_shouting.h"
#include "short_conversations.h"

LEHR_PLUGIN(lehr::Plugin("template", "1.0.0")
                .summary("the smallest complete plugin: a stage, a document step and a reward")
                .license("Apache-2.0")
                .stage<ShortConversations>("short_conversations")
                .step<NoShouting>("no_shouting")
                .reward<Brevity>("brevity"))
