#include "lm/judge.h"

#include <stdexcept>
#include <string>
#include <utility>

namespace lehr::lm {

Judge load_judge(const std::filesystem::path& folder, Precision precision, bool normalized) {
  Judge judge{Model::load(folder, precision)};
  if (normalized) judge.scale = read_reward_scale(folder);
  auto ensemble = read_reward_heads(folder);
  if (!ensemble) return judge;
  const at::Tensor own = judge.model.head().weight;
  if (ensemble->weights.size(1) != own.size(1))
    throw std::runtime_error(folder.string() + ": the heads of heads.safetensors are " +
                             std::to_string(ensemble->weights.size(1)) + " wide, the model is " +
                             std::to_string(own.size(1)));
  const at::Tensor weights = ensemble->weights.to(own.options());
  for (int64_t k = 0; k < weights.size(0); ++k)
    judge.heads.push_back({weights.narrow(0, k, 1), {}});
  judge.head_scales = std::move(ensemble->scales);
  return judge;
}

}  // namespace lehr::lm
