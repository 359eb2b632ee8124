// How much of each source goes into a mix. Amounts are tokens, or bytes of text.
//
// Every source has a share, by its weight, and a cap: so many epochs (times its size), or so much.
// Without a total the mix is as large as it can be with exactly these shares; with one, a source
// that reaches its cap leaves the rest to the others, in proportion.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lehr::plugins::mix {

struct BlendSource {
  std::string name;
  std::uint64_t size = 0;
  std::optional<double> weight;  // nothing, for all sources: everything, up to the caps
  double max_epochs = 1;
  std::optional<std::uint64_t> max_amount;
};

struct Blend {
  std::vector<std::uint64_t> amounts;  // by source
  std::vector<std::string> notes;      // what the user should know: shares that could not be kept
};

// Throws Error: no text at all, weights for some sources only, none that is above 0.
Blend blend(const std::vector<BlendSource>& sources, std::optional<std::uint64_t> total);

}  // namespace lehr::plugins::mix
