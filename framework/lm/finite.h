// Whether stored values can be computed with: a file that was damaged, or a training that went
// wrong elsewhere, may hold NaN or infinity.
#pragma once

#include "lm/safetensors.h"

namespace lehr::lm {

// Throws std::runtime_error naming file and tensor where a floating-point value of the entry, one
// of the file's, is not finite.
void check_finite(const SafetensorsFile& file, const TensorEntry& entry);

}  // namespace lehr::lm
