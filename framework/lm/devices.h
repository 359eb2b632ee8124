// Where stages that train or run a model compute: what they say of themselves, d.devices(...).
#pragma once

#include <string>
#include <vector>

namespace lehr::lm {

// As this build's LibTorch can.
inline std::vector<std::string> devices() {
#ifdef LEHR_TORCH_CUDA
  return {"cpu", "cuda"};
#else
  return {"cpu"};
#endif
}

}  // namespace lehr::lm
