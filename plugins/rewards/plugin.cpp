#include <lehr/plugin.h>

#include "exact_answer.h"
#include "format.h"
#include "length.h"

using namespace lehr::plugins::rewards;

LEHR_PLUGIN(lehr::Plugin("rewards", "1.0.0")
                .summary("rules that score answers: the expected one, of a form, of a length")
                .license("Apache-2.0")
                .reward<ExactAnswer>("exact_answer")
                .reward<Format>("format")
                .reward<Length>("length"))
