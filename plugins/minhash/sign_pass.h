// The first two passes: every document signed, then united with those that share a band key.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>

#include "clusters.h"
#include "minhash_state.h"
#include "signature.h"
#include "text/document_files.h"

namespace lehr::plugins::minhash {

struct PassLimits {
  std::uint64_t memory_bytes, commit_every_bytes;
};

// Goes on from `state.sign` to its completion. Throws Cancelled once what is finished is committed.
void sign_documents(Context& context, const text::DocumentFiles& files,
                    const SignatureOptions& options, const PassLimits& limits, MinhashState& state);

Clusters cluster_documents(Context& context, const PassLimits& limits, const MinhashState& state);

}  // namespace lehr::plugins::minhash
