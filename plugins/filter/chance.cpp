#include "chance.h"

#include <xxhash.h>

namespace lehr::plugins::filter {

double chance(std::string_view text, std::int64_t seed) {
  const XXH64_hash_t hash =
      XXH3_64bits_withSeed(text.data(), text.size(), static_cast<std::uint64_t>(seed));
  return static_cast<double>(hash >> 11) * 0x1p-53;
}

}  // namespace lehr::plugins::filter
