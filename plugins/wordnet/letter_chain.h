// How the names of one kind are spelled: which letter follows which three. Names drawn from it look
// like those it has learned from, so that spelling does not give them away.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "random.h"

namespace lehr::plugins::wordnet {

class LetterChain {
 public:
  void learn(std::string_view name);
  // At least one name must have been learned.
  std::string draw(Random& random) const;

 private:
  // Three letters -> the letters seen after them, each as often as seen. Before a name stand three
  // '^', after it one '$'.
  std::unordered_map<std::string, std::string> next_;
};

}  // namespace lehr::plugins::wordnet
