// Statistics as one HTML page that needs nothing else: no script, no font, no picture from
// elsewhere; all text of the corpus is escaped.
#pragma once

#include <string>

#include "statistics.h"

namespace lehr::data {

std::string page(const Request& request, const Statistics& statistics);

}  // namespace lehr::data
