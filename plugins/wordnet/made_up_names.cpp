#include "made_up_names.h"

#include "phrasing.h"

namespace lehr::plugins::wordnet {
namespace {

const std::vector<std::string> kOnsets = {
    "b", "br", "d",  "dr", "f", "fl", "g",  "gl", "gr", "h",  "j", "k", "kr", "l", "m", "n",
    "p", "pl", "qu", "r",  "s", "sk", "sn", "st", "t",  "tr", "v", "w", "x",  "y", "z", "zw"};
const std::vector<std::string> kVowels = {"a", "e", "i", "o", "u", "oo", "ee", "au", "ae"};
const std::vector<std::string> kCodas = {"",  "",  "",  "l",  "n",  "r",  "x",  "k",
                                         "m", "p", "z", "lk", "rn", "sk", "mp", "ff"};

}  // namespace

std::string MadeUpNames::syllables(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += random_.pick(kOnsets) + random_.pick(kVowels);
    if (i + 1 == count || random_.chance(0.3)) text += random_.pick(kCodas);
  }
  return text;
}

std::string MadeUpNames::word() {
  for (;;) {
    std::string text = syllables(2 + random_.below(2));
    if (text.size() < 5 || text.size() > 11 || database_.knows(text)) continue;
    if (Random(0, text).next() % shares_ != share_) continue;
    if (given_.insert(text).second) return text;
  }
}

std::string MadeUpNames::name() { return capitalised(word()); }

std::string MadeUpNames::full_name() {
  return capitalised(syllables(2)) + " " + capitalised(word());
}

}  // namespace lehr::plugins::wordnet
