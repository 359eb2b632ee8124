#include "runtime/plan/device_choice.h"

#include <algorithm>
#include <string>

#include "runtime/plan/machine.h"
#include "runtime/plugin/described.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;

// A stage that lists none may compute on any.
bool can(const Json& devices, const std::string& device) {
  return devices.empty() || std::find(devices.begin(), devices.end(), device) != devices.end();
}

std::string refusal(const std::string& uses, const Json& devices, const std::string& wanted) {
  std::string all;
  for (const Json& device : devices)
    all += (all.empty() ? "" : " and ") + device.get<std::string>();
  const char* remedy = ". This version of Lehr knows cpu and cuda only";
  if (wanted == "cuda" && can(devices, "cpu"))
    remedy =
        ": it was built without. Build it against a LibTorch with CUDA (LEHR_LIBTORCH), or write "
        "'device: auto' or cpu";
  else if (can(devices, "cuda"))
    remedy = ". Give it 'resources: {device: cuda}'";
  return uses + " computes on " + all + ", not on " + wanted + remedy;
}

}  // namespace

void DeviceChoice::choose(const StageConfig& config, const Json& described, PlannedStage& stage,
                          Diagnostics& diagnostics) {
  const Json& devices = described::list(described, "devices");
  const bool by_stage = !config.resources.device.empty();
  const Resources& said = by_stage ? config.resources : pipeline_;
  // What is written for all is not meant for a stage that lists no devices; what is written for it
  // alone is: its plugin may be older than such lists.
  const bool heeded = !said.device.empty() && (by_stage || !devices.empty());
  if (heeded) {
    stage.device = said.device == "auto" ? best_of(devices) : said.device;
    stage.device_where = said.device_origin.text();
  }
  if (stage.device == "cuda") stage.gpus = std::max(stage.gpus, 1u);
  if (!can(devices, stage.device))
    diagnostics.error(heeded ? said.device_origin : config.origin,
                      "stage '" + config.base + "': " + refusal(stage.uses, devices, stage.device));
}

std::string DeviceChoice::best_of(const Json& devices) {
  if (!can(devices, "cuda")) return "cpu";
  if (!can(devices, "cpu")) return "cuda";
  if (!has_gpu_) has_gpu_ = !visible_gpus().empty();
  return *has_gpu_ ? "cuda" : "cpu";
}

}  // namespace lehr::runtime
