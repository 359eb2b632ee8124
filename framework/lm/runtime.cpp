#include "lm/runtime.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <c10/util/Logging.h>
#include <lehr/context.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <stdexcept>

#include "lm/device.h"
#include "lm/gpu_driver.h"
#include "lm/kernels.h"

namespace lehr::lm {

bool cpu_has_bf16() { return best_isa() == Isa::kAvx512Bf16; }

bool computes_bf16() { return device().is_cpu() ? cpu_has_bf16() : gpu_has_bf16(); }

Precision default_precision() { return computes_bf16() ? Precision::kBf16 : Precision::kFp32; }

Precision parse_precision(const std::string& name) {
  if (name == "auto") return default_precision();
  if (name == "fp32") return Precision::kFp32;
  if (name != "bf16") {
    throw std::invalid_argument("unknown precision '" + name + "'; choose fp32, bf16 or auto");
  }
  if (!computes_bf16()) {
    throw std::invalid_argument(
        device().is_cpu()
            ? "precision 'bf16': this cpu lacks AVX512_BF16, where bf16 would be far slower than "
              "fp32; choose fp32 or auto"
            : "precision 'bf16': this GPU lacks it; choose fp32 or auto");
  }
  return Precision::kBf16;
}

std::string precision_name(Precision precision) {
  return precision == Precision::kBf16 ? "bf16" : "fp32";
}

namespace {

// Asks for pages of 2 MB for the gigabyte that malloc hands out next: weights and activations are
// read from end to end, and with small pages up to a tenth of a step goes into finding where they
// lie. Nothing is touched here, and where the kernel refuses nothing is lost.
void ask_for_huge_pages() {
  constexpr size_t kHugePage = size_t{2} << 20;
  constexpr size_t kBytes = (size_t{1} << 30) - kHugePage;  // of the heap, not a mapping of its own
  void* room = malloc(kBytes);
  if (room == nullptr) return;
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(room) % kHugePage) % kHugePage;
  madvise(static_cast<char*>(room) + before, (kBytes - before) / kHugePage * kHugePage,
          MADV_HUGEPAGE);
  free(room);  // stays mapped and at the heap's top
}

// LibTorch's own, whose failure is one line.
class PlainAllocator : public c10::Allocator {
 public:
  explicit PlainAllocator(c10::Allocator& inner) : inner_(inner) {}
  c10::DataPtr allocate(size_t bytes) override {
    try {
      return inner_.allocate(bytes);
    } catch (const c10::Error&) {
      throw Error("not enough memory: could not get " + std::to_string(bytes) + " bytes");
    }
  }
  c10::DeleterFnPtr raw_deleter() const override { return inner_.raw_deleter(); }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    inner_.copy_data(to, from, bytes);
  }

 private:
  c10::Allocator& inner_;
};

// LibTorch adds some thirty frames of the stack to each of its messages.
void speak_plainly() {
  if (getenv("TORCH_SHOW_CPP_STACKTRACES") == nullptr)
    c10::SetStackTraceFetcher([] { return std::string(); });
  static PlainAllocator allocator(*c10::GetCPUAllocator());
  c10::SetCPUAllocator(&allocator);
}

}  // namespace

void start_runtime(int threads) {
  // Freed activations stay mapped: without this every step pays tens of thousands of page faults.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 2147483647);
  mallopt(M_TOP_PAD, 64 << 20);
  static std::once_flag first;
  std::call_once(first, [] {
    ask_for_huge_pages();
    speak_plainly();
  });
  // oneDNN, and ATen over it, keep about a megabyte of code and scratch for every shape of a
  // product, 1,024 shapes unless told otherwise, and rows of packed sequences come in hundreds of
  // lengths. A step needs some twenty.
  setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64", 0);
  setenv("LRU_CACHE_CAPACITY", "32", 0);
  at::globalContext().setFlushDenormal(true);  // before the OpenMP pool inherits the mode
  if (threads > 0) at::set_num_threads(threads);
}

void start_runtime(const Context& context) {
  choose_device(context.device());
  start_runtime(context.threads());
}

int threads() { return at::get_num_threads(); }

std::string numerics_fingerprint() {
  if (!device().is_cpu()) return gpu::model() + " LibTorch " + TORCH_VERSION;
  const char* isa = best_isa() >= Isa::kAvx512 ? "avx512"
                    : best_isa() == Isa::kAvx2 ? "avx2"
                                               : "baseline";
  return std::string(isa) + (cpu_has_bf16() ? "+bf16 " : " ") + std::to_string(threads()) +
         " threads LibTorch " + TORCH_VERSION;
}

double measure_peak_flops(Precision precision, int64_t rows) {
  const c10::InferenceMode guard;
  const int64_t n = device().is_cpu() ? 1024 : 8192;  // what fills it
  if (!device().is_cpu()) rows = std::max(rows, n);
  const auto type = precision == Precision::kBf16 ? at::kBFloat16 : at::kFloat;
  const at::Tensor a = at::randn({rows, n}).to(device(), type);
  const at::Tensor b = at::randn({n, n}).to(device(), type);
  double best = 1e30;
  for (int run = 0; run < 6; ++run) {
    synchronize();
    const auto start = std::chrono::steady_clock::now();
    const at::Tensor c = at::mm(a, b);
    synchronize();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (run > 0) best = std::min(best, seconds.count());
  }
  return 2.0 * static_cast<double>(rows) * n * n / best;
}

}  // namespace lehr::lm
