// The table that ends a run: models side by side, then what they said. At most 100 columns,
// of up to four models with short names.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "examination.h"

namespace lehr::plugins::evaluate {

// other: the one of them that the rest are compared with; null: none.
std::string render_table(std::span<const Examined> models, const Examined* other,
                         std::span<const text::Probe> probes, std::size_t samples);

}  // namespace lehr::plugins::evaluate
