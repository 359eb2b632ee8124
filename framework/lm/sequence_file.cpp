#include "lm/sequence_file.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <span>

namespace lehr::lm {
namespace {

constexpr size_t kWrittenWords = 1 << 16;  // at once

// A part of a sequence is its ids and its weights: their number, their runs and them.
void put(const Branch& part, std::vector<uint32_t>& words) {
  words.push_back(static_cast<uint32_t>(part.ids.size()));
  words.insert(words.end(), part.ids.begin(), part.ids.end());
  const size_t runs = words.size();
  words.push_back(0);
  for (auto run = part.weights.begin(); run != part.weights.end();) {
    const auto end = std::find_if(run + 1, part.weights.end(), [&](float w) { return w != *run; });
    words.push_back(static_cast<uint32_t>(end - run));
    words.push_back(std::bit_cast<uint32_t>(*run));
    ++words[runs];
    run = end;
  }
}

Branch take(std::span<const uint32_t>& words) {
  const auto next = [&](size_t count) {
    const auto found = words.first(count);
    words = words.subspan(count);
    return found;
  };
  Branch part;
  const auto ids = next(next(1)[0]);
  part.ids.assign(ids.begin(), ids.end());
  for (uint32_t left = next(1)[0]; left > 0; --left) {
    const auto run = next(2);
    part.weights.insert(part.weights.end(), run[0], std::bit_cast<float>(run[1]));
  }
  return part;
}

}  // namespace

SequenceFile::SequenceFile(std::filesystem::path folder, std::optional<int64_t> most_tokens)
    : file_(std::move(folder)),
      most_tokens_(most_tokens.value_or(std::numeric_limits<int64_t>::max())) {}

void SequenceFile::add(const Sequence& sequence, int64_t copies) {
  const int64_t tokens = sequence.tokens();
  full_ = full_ || (size() > 0 && tokens_ + copies * tokens > most_tokens_);
  if (full_ || copies == 0) return;
  const size_t begin = last_.size();
  put(sequence.trunk, last_);
  for (const Branch& branch : sequence.branches) put(branch, last_);
  const Entry entry{file_.size() / sizeof last_[0] + begin,
                    static_cast<uint32_t>(last_.size() - begin), static_cast<int32_t>(tokens)};
  entries_.insert(entries_.end(), static_cast<size_t>(copies), entry);
  tokens_ += copies * tokens;
  loss_tokens_ += copies * sequence.loss_tokens();
  if (last_.size() < kWrittenWords) return;
  file_.append(last_.data(), last_.size() * sizeof last_[0]);
  last_.clear();
}

Sequence SequenceFile::read(size_t i) const {
  const Entry& entry = entries_[i];
  const uint64_t written = file_.size() / sizeof last_[0];
  std::vector<uint32_t> found;
  std::span<const uint32_t> words(last_);
  if (entry.begin < written) {
    found.resize(entry.words);
    file_.read(entry.begin * sizeof found[0], found.data(), found.size() * sizeof found[0]);
    words = found;
  } else {
    words = words.subspan(entry.begin - written, entry.words);
  }
  Sequence sequence{take(words), {}};
  while (!words.empty()) sequence.branches.push_back(take(words));
  return sequence;
}

}  // namespace lehr::lm
