// The facts about this machine that a stage of determinism `machine` depends on.
#pragma once

#include <string>

namespace lehr::runtime {

// "x86-64-v2", "-v3" (AVX2, FMA) or "-v4" (AVX-512); elsewhere the architecture's name.
std::string instruction_set_tier();

}  // namespace lehr::runtime
