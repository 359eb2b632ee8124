#include "chance.h"

#include <xxhash.h>

namespace lehr::plugins::filter {
namespace {

// With a seed of 0 it would be the hash that text::is_held_out goes by, and a sample would have all
// that is held out, and less of the rest.
constexpr std::uint64_t kOwn = 0x9e3779b97f4a7c15;

}  // namespace

double chance(std::string_view text, std::int64_t seed) {
  const XXH64_hash_t hash =
      XXH3_64bits_withSeed(text.data(), text.size(), static_cast<std::uint64_t>(seed) ^ kOwn);
  return static_cast<double>(hash >> 11) * 0x1p-53;
}

}  // namespace lehr::plugins::filter
