#include "letter_chain.h"

namespace lehr::plugins::wordnet {
namespace {

constexpr std::size_t kContext = 3;

}  // namespace

void LetterChain::learn(std::string_view name) {
  const std::string framed = std::string(kContext, '^') + std::string(name) + '$';
  for (std::size_t i = kContext; i < framed.size(); ++i) {
    next_[framed.substr(i - kContext, kContext)] += framed[i];
  }
}

std::string LetterChain::draw(Random& random) const {
  std::string framed(kContext, '^');
  for (;;) {
    const std::string& letters = next_.at(framed.substr(framed.size() - kContext));
    const char letter = letters[random.below(letters.size())];
    if (letter == '$') return framed.substr(kContext);
    framed += letter;
  }
}

}  // namespace lehr::plugins::wordnet
