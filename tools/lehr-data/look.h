// What an artifact holds, for a person at a terminal: a few documents, tokens with their
// boundaries, conversations with what is trained on.
#pragma once

#include <string>

#include "request.h"

namespace lehr::data {

// Throws Error for a type that it cannot show.
std::string look(const Request& request);

// --dropped: examples of what was dropped, by reason, from the artifact's summary.json.
std::string look_at_dropped(const Request& request);

}  // namespace lehr::data
