// The last pass: the rows of the kept documents, copied as they stand.
#pragma once

#include <lehr/plugin.h>

#include "clusters.h"
#include "minhash_state.h"
#include "text/document_files.h"

namespace lehr::plugins::minhash {

// Goes on from `state.write` to the end. Throws Cancelled once what is finished is committed.
void write_kept(Context& context, const text::DocumentFiles& files, const Clusters& clusters,
                std::uint64_t commit_every_bytes, MinhashState& state);

// Results of the stage, and the log's lines about sizes and examples.
void report(const Context& context, const WriteState& state);

}  // namespace lehr::plugins::minhash
