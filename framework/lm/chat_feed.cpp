#include "lm/chat_feed.h"

#include <lehr/value.h>

#include <cmath>
#include <stdexcept>

#include "text/chat_rows.h"

namespace lehr::lm {

SourceWeight::SourceWeight(double weight, uint64_t seed, int64_t source)
    : weight_(weight), random_(seed, Purpose::kSplit, static_cast<uint64_t>(source)) {
  if (!(weight >= 0 && weight <= 1000))
    throw std::invalid_argument("a weight must be between 0 and 1000");
}

int64_t SourceWeight::copies(uint64_t conversation) const {
  const double whole = std::floor(weight_);
  return static_cast<int64_t>(whole) + (random_.uniform(conversation) < weight_ - whole ? 1 : 0);
}

void read_conversations(const std::vector<std::filesystem::path>& files,
                        const text::Tokenizer& tokenizer, int64_t max_length,
                        const SourceWeight& weight, ChatReport& report, SequenceFile& into) {
  text::Tokenizer::Cache cache;
  uint64_t conversation = 0;
  text::RowReader<text::Conversation> reader(files);
  for (text::Conversation row; reader.next(row);) {
    const text::ChatTokens chat = text::render_chat(tokenizer, row.messages, cache);
    Sequence sequence;
    sequence.trunk.ids.assign(chat.ids.begin(), chat.ids.end());
    sequence.trunk.weights.assign(chat.trained.begin(), chat.trained.end());
    if (sequence.loss_tokens() == 0)
      throw Error(reader.where() +
                  ": the conversation has no token to train on; it needs a "
                  "message of the assistant");
    ++report.conversations;
    for (const text::Message& message : row.messages)
      if (message.role == "assistant" && message.trained && text::is_blank(message) &&
          report.blank_answers++ == 0)
        report.first_blank = reader.where();
    while (sequence.trunk.weights.back() == 0) {  // nothing is predicted after the last answer
      sequence.trunk.ids.pop_back();
      sequence.trunk.weights.pop_back();
    }
    if (const int64_t gone = truncate(sequence, max_length); gone > 0) {
      ++report.cut;
      report.tokens_cut += gone;
      if (sequence.loss_tokens() == 0) {
        ++report.dropped;
        continue;
      }
    }
    into.add(sequence, weight.copies(conversation++));
  }
}

}  // namespace lehr::lm
