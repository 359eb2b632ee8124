#include "lm/preference_feed.h"

#include <lehr/value.h>

#include <algorithm>

#include "text/chat.h"
#include "text/chat_rows.h"

namespace lehr::lm {
namespace {

constexpr int64_t kWindowPairs = 64;
// Updates up to this take at most kWindowPairs pairs into a row, which leaves room in it where 64
// are short: so the results of pipelines/quickstart.yaml were measured. Larger ones fill rows.
constexpr int64_t kUnfilledStepTokens = 4096;

// What `answer` adds after the prompt's tokens, up to its last trained one.
Branch answer_branch(const text::Tokenizer& tokenizer, const text::Messages& prompt,
                     const text::Messages& answer, size_t prompt_tokens,
                     text::Tokenizer::Cache& cache) {
  text::Messages all = prompt;
  all.insert(all.end(), answer.begin(), answer.end());
  const text::ChatTokens chat = text::render_chat(tokenizer, all, cache);
  size_t end = chat.ids.size();
  while (end > prompt_tokens && chat.trained[end - 1] == 0) --end;
  Branch branch;
  for (size_t i = prompt_tokens; i < end; ++i) {
    branch.ids.push_back(static_cast<int32_t>(chat.ids[i]));
    branch.weights.push_back(chat.trained[i]);
  }
  return branch;
}

}  // namespace

PreferencePairs read_preferences(const std::vector<std::filesystem::path>& files,
                                 const text::Tokenizer& tokenizer, int64_t max_length,
                                 OverLong over_long, SequenceFile into) {
  PreferencePairs pairs{.sequences = std::move(into), .margins = {}, .sources = {}};
  text::Tokenizer::Cache cache;
  text::RowReader<text::Preference> reader(files);
  for (text::Preference row; reader.next(row);) {
    if (row.chosen.front().role != "assistant" || row.rejected.front().role != "assistant")
      throw Error(reader.where() +
                  ": 'chosen' and 'rejected' must begin with a message of the assistant");
    ++pairs.read;
    const auto prompt = text::render_prompt(tokenizer, row.prompt, cache);
    Sequence sequence;
    sequence.trunk.ids.assign(prompt.begin(), prompt.end());
    for (const auto* answer : {&row.chosen, &row.rejected})
      sequence.branches.push_back(
          answer_branch(tokenizer, row.prompt, *answer, prompt.size(), cache));
    if (sequence.length() > max_length) {
      if (over_long == OverLong::kCut) truncate(sequence, max_length);
      if (over_long == OverLong::kDrop || sequence.branches[kChosen].ids.empty() ||
          sequence.branches[kRejected].ids.empty()) {
        ++pairs.dropped;
        continue;
      }
      ++pairs.cut;
    }
    pairs.sequences.add(sequence);
    pairs.margins.push_back(static_cast<float>(row.margin.value_or(0)));
    pairs.sources.push_back(&*pairs.names.insert(row.source).first);
  }
  return pairs;
}

size_t FeedbackPairs::good_ones() const {
  return static_cast<size_t>(std::count(good.begin(), good.end(), true));
}

FeedbackPairs read_feedback(const std::vector<std::filesystem::path>& files,
                            const text::Tokenizer& tokenizer, int64_t max_length,
                            const std::filesystem::path& scratch,
                            std::optional<int64_t> most_tokens) {
  FeedbackPairs pairs{.sequences = SequenceFile(scratch, most_tokens), .good = {}};
  SequenceFile rows(scratch);  // prompts with their own answers
  std::vector<int32_t> asked;
  size_t asking = 0, longest = 0;  // rows in succession that ask the same
  text::Tokenizer::Cache cache;
  text::RowReader<text::Feedback> reader(files);
  for (text::Feedback row; reader.next(row);) {
    if (row.completion.front().role != "assistant")
      throw Error(reader.where() + ": 'completion' must begin with a message of the assistant");
    ++pairs.read;
    const auto prompt = text::render_prompt(tokenizer, row.prompt, cache);
    Sequence sequence;
    sequence.trunk.ids.assign(prompt.begin(), prompt.end());
    if (static_cast<int64_t>(prompt.size()) >= max_length) {
      ++pairs.dropped;
      continue;
    }
    sequence.branches.push_back(
        answer_branch(tokenizer, row.prompt, row.completion, prompt.size(), cache));
    if (sequence.length() > max_length) ++pairs.cut;
    rows.add(sequence);
    pairs.good.push_back(row.label);
    asking = sequence.trunk.ids == asked ? asking + 1 : 1;
    longest = std::max(longest, asking);
    asked = std::move(sequence.trunk.ids);
  }
  const size_t count = rows.size();
  if (longest < count) pairs.distance = longest;
  for (size_t i = 0; i < count; ++i) {
    Sequence pair = rows.read(i);
    Sequence other = rows.read((i + std::max<size_t>(1, pairs.distance)) % count);
    pair.branches.push_back(std::move(other.branches[kAnswer]));
    truncate(pair, max_length);
    pairs.sequences.add(pair);
  }
  return pairs;
}

SequenceFeedOptions pair_packing(int64_t row_tokens, int64_t step_tokens, uint64_t seed) {
  SequenceFeedOptions packing{row_tokens, step_tokens, seed};
  packing.window = kWindowPairs;
  packing.fill = step_tokens > kUnfilledStepTokens;
  return packing;
}

}  // namespace lehr::lm
