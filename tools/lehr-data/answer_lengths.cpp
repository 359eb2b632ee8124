#include "answer_lengths.h"

#include <algorithm>

namespace lehr::data {
namespace {

constexpr std::size_t kMostSources = 40;
constexpr const char* kOtherSources = "(others)";
constexpr const char* kNoSource = "(without)";

void count(LengthRow& row, std::uint64_t chosen, std::uint64_t rejected) {
  ++(chosen > rejected ? row.chosen_longer : chosen < rejected ? row.rejected_longer : row.alike);
}

}  // namespace

void AnswerLengths::add(const std::string& source, std::uint64_t chosen, std::uint64_t rejected) {
  count(all_, chosen, rejected);
  const std::string name = source.empty() ? kNoSource : source;
  const bool room = sources_.size() < kMostSources || sources_.contains(name);
  count(sources_[room ? name : kOtherSources], chosen, rejected);
}

std::vector<LengthRow> AnswerLengths::by_source() const {
  std::vector<LengthRow> out;
  if (sources_.size() == 1 && sources_.contains(kNoSource)) return out;
  for (const auto& [source, row] : sources_) {
    out.push_back(row);
    out.back().source = source;
  }
  std::stable_sort(out.begin(), out.end(), [](const LengthRow& a, const LengthRow& b) {
    return a.preferences() > b.preferences();
  });
  return out;
}

}  // namespace lehr::data
