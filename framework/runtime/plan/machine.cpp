#include "runtime/plan/machine.h"

#include <sys/utsname.h>

namespace lehr::runtime {

std::string instruction_set_tier() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl"))
    return "x86-64-v4";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "x86-64-v3";
  return "x86-64-v2";
#else
  utsname system{};
  return uname(&system) == 0 ? system.machine : "unknown";
#endif
}

}  // namespace lehr::runtime
