#include <lehr/plugin.h>

#include "c4_bad_words.h"
#include "c4_paragraph.h"
#include "c4_quality.h"
#include "decontaminate.h"
#include "exact_dedup.h"
#include "filter_stage.h"
#include "fineweb_quality.h"
#include "gopher_quality.h"
#include "gopher_repetition.h"
#include "language.h"
#include "length.h"
#include "line_dedup.h"
#include "normalize.h"
#include "pii.h"
#include "regex.h"
#include "sample.h"
#include "url.h"

using namespace lehr::plugins::filter;

LEHR_PLUGIN(lehr::Plugin("filter", "1.0.0")
                .summary("filters, deduplicates and rewrites documents in one parallel pass")
                .license("Apache-2.0")
                .stage<Filter>("filter")
                .step<Normalize>("normalize")
                .step<Length>("length")
                .step<GopherRepetition>("gopher_repetition")
                .step<GopherQuality>("gopher_quality")
                .step<C4Quality>("c4_quality")
                .step<C4Paragraph>("c4_paragraph")
                .step<C4BadWords>("c4_bad_words")
                .step<FinewebQuality>("fineweb_quality")
                .step<Pii>("pii")
                .step<Regex>("regex")
                .step<Url>("url")
                .step<Sample>("sample")
                .step<Language>("language")
                .step<Decontaminate>("decontaminate")
                .step<ExactDedup>("exact_dedup")
                .step<LineDedup>("line_dedup"))
