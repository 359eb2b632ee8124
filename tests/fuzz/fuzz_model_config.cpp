// config.json of a model: what is accepted is written and read again the same, and its numbers can
// be multiplied with each other.
#include <cmath>
#include <stdexcept>
#include <string>

#include "input_file.h"
#include "lm/config.h"

using namespace lehr;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lm::ModelConfig config;
  try {
    config = lm::config_from_json({reinterpret_cast<const char*>(data), size}, "input");
  } catch (const std::runtime_error&) {
    return 0;
  }
  if (!(lm::config_from_json(lm::config_to_json(config), "written") == config)) std::abort();
  if (config.parameters() <= 0 || config.matmul_parameters() <= 0) std::abort();
  if (!std::isfinite(config.flops_per_token(1))) std::abort();
  if (config.head_dim < 1 << 16) config.rope_frequencies();
  return 0;
}
