#include "runtime/plan/machine.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 9 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

// One device file of the driver for each GPU; in a container their numbers may have gaps.
std::size_t gpu_count() {
  constexpr std::string_view kDevice = "nvidia";
  std::size_t count = 0;
  std::error_code error;
  for (fs::directory_iterator it("/dev", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    count += name.starts_with(kDevice) && is_number(name.substr(kDevice.size()));
  }
  return count;
}

// What a GPU may be named by: "GPU-..." and "MIG-..." identities, else a number.
std::string_view kind(std::string_view gpu) {
  for (const std::string_view prefix : {"GPU-", "MIG-"})
    if (gpu.starts_with(prefix)) return prefix;
  return "";
}

// The value in a line "Model: \t\t NVIDIA H100 80GB HBM3"; empty: it is another line.
std::string value_of(const std::string& line, std::string_view name) {
  return line.starts_with(name) ? trimmed(line.substr(name.size())) : "";
}

}  // namespace

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

std::vector<std::string> visible_gpus() {
  return visible_gpus(std::getenv("CUDA_VISIBLE_DEVICES"), gpu_count());
}

std::vector<std::string> visible_gpus(const char* listed, std::size_t count) {
  std::vector<std::string> out;
  if (listed == nullptr) {
    while (out.size() < count) out.push_back(std::to_string(out.size()));
    return out;
  }
  std::istringstream list(listed);
  for (std::string entry; std::getline(list, entry, ',');) {
    const std::string gpu = trimmed(entry);
    const bool is_known =
        !kind(gpu).empty() || (is_number(gpu) && (count == 0 || std::stoul(gpu) < count));
    if (!is_known || (!out.empty() && kind(gpu) != kind(out.front()))) break;
    if (std::find(out.begin(), out.end(), gpu) != out.end()) return {};
    out.push_back(gpu);
  }
  return out;
}

std::string gpu_model() { return gpu_model(visible_gpus(), "/proc/driver/nvidia/gpus"); }

std::string gpu_model(const std::vector<std::string>& visible, const fs::path& driver) {
  std::set<std::string> models;
  std::error_code error;
  for (fs::directory_iterator it(driver, error), end; !error && it != end; it.increment(error)) {
    std::ifstream lines(it->path() / "information");
    std::string model, identity;
    for (std::string line; std::getline(lines, line);) {
      if (const std::string value = value_of(line, "Model:"); !value.empty()) model = value;
      if (const std::string value = value_of(line, "GPU UUID:"); !value.empty()) identity = value;
    }
    const bool is_visible = std::any_of(visible.begin(), visible.end(), [&](const auto& gpu) {
      return kind(gpu) != "GPU-" || identity.starts_with(gpu);
    });
    if (is_visible && !model.empty()) models.insert(model);
  }
  std::string out;
  for (const std::string& model : models) out += (out.empty() ? "" : " + ") + model;
  return out.empty() ? "unknown GPU" : out;
}

}  // namespace lehr::runtime
