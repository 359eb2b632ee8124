// A fine-tuning whose gradient is a mean over rows of means over their tokens: with a step in
// several rows, another one.
#include <lehr/plugin.h>

#include "sft.h"

#define answer_loss loss_over_all_rows
#include "answer_loss.cpp"
#undef answer_loss

namespace lehr::plugins::sft {

AnswerTally answer_loss(const lm::Model& model, const std::vector<lm::Packed>& rows) {
  AnswerTally tally;
  for (const lm::Packed& row : rows) {
    double weight = 0;
    for (const lm::LossEntry& entry : row.batch.loss_entries) weight += entry.weight;
    add_answer_loss(model, row, weight * static_cast<double>(rows.size()), tally);
  }
  return tally;
}

}  // namespace lehr::plugins::sft

LEHR_PLUGIN(lehr::Plugin("sft", "0.0.1").stage<lehr::plugins::sft::Sft>("sft"))
