// Process set-up for the maths: threads, denormals, allocator thresholds, precision of this CPU.
// Call start_runtime once, before the first tensor and before any OpenMP region.
#pragma once

#include <cstdint>
#include <string>

namespace lehr {
class Context;
}

namespace lehr::lm {

enum class Precision { kFp32, kBf16 };

// "fp32" | "bf16" | "auto": bf16 where the CPU has AVX512_BF16 or the GPU computes in it, else
// fp32. Throws std::invalid_argument on another name and on bf16 where the device lacks it.
Precision parse_precision(const std::string& name);
std::string precision_name(Precision precision);
Precision default_precision();
bool cpu_has_bf16();

// threads <= 0: what OMP_NUM_THREADS or the affinity mask allow.
void start_runtime(int threads = 0);
// With the device and the threads of a stage, which calls it first of all. Throws lehr::Error where
// that device is not there; see device.h.
void start_runtime(const Context& context);
int threads();

// "avx512+bf16 2 threads LibTorch 2.13.0", "NVIDIA H200 LibTorch 2.11.0": what results may depend
// on; for checkpoints and keys.
std::string numerics_fingerprint();

// Matrix-product FLOP/s of the device now: best of a few products [rows, 1024] x [1024, 1024],
// about 0.1 s; on a GPU of 8192-cubes.
double measure_peak_flops(Precision precision, int64_t rows = 1024);

}  // namespace lehr::lm
