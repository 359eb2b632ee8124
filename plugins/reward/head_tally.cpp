#include "head_tally.h"

#include "lm/preference_feed.h"

namespace lehr::plugins::reward {

void HeadTally::add(const lm::BranchScores& found) {
  for (std::size_t k = 0; k < scores_.size(); ++k) {
    const at::Tensor scores = found.heads[k].detach().contiguous();
    for (std::size_t i = 0; i < found.owners.size(); ++i)
      if (found.owners[i].branch == lm::kChosen)
        scores_[k].push_back(scores.const_data_ptr<float>()[i]);
  }
}

std::vector<lm::RewardScale> HeadTally::scales() const {
  std::vector<lm::RewardScale> out;
  for (const std::vector<double>& scores : scores_) out.push_back(lm::scale_of(scores));
  return out;
}

}  // namespace lehr::plugins::reward
