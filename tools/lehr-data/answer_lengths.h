// Which answer of preferences is the longer one, over all and by source. A model can do well on
// pairs of which it is nearly always the chosen one, and learn nothing but that longer is better.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lehr::data {

struct LengthRow {
  std::string source;
  std::uint64_t chosen_longer = 0, rejected_longer = 0, alike = 0;  // preferences
  std::uint64_t preferences() const { return chosen_longer + rejected_longer + alike; }
};

class AnswerLengths {
 public:
  // chosen, rejected: characters. source: empty where there is none.
  void add(const std::string& source, std::uint64_t chosen, std::uint64_t rejected);
  const LengthRow& all() const { return all_; }
  // The largest first; empty if no preference has a source. Of many sources, those that come first.
  std::vector<LengthRow> by_source() const;

 private:
  LengthRow all_;
  std::map<std::string, LengthRow> sources_;
};

}  // namespace lehr::data
