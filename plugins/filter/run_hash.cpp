#include "run_hash.h"

#include <iterator>

namespace lehr::plugins::filter {
namespace {

constexpr std::uint64_t kBase = 0x9e3779b97f4a7c15;

struct Powers {
  std::uint64_t value[4096];  // kBase to the n
  constexpr Powers() : value{} {
    std::uint64_t power = 1;
    for (auto& v : value) v = power, power *= kBase;
  }
};
constexpr Powers kPowers;

}  // namespace

std::uint64_t run_hash(std::string_view bytes) {
  std::uint64_t hash = 0;
  // One more than the byte, so that no text of zeros hashes to nothing.
  for (const char c : bytes) hash = hash * kBase + static_cast<unsigned char>(c) + 1;
  return hash;
}

std::uint64_t run_hash_power(std::size_t size) {
  if (size < std::size(kPowers.value)) return kPowers.value[size];
  std::uint64_t power = 1, square = kBase;
  for (; size > 0; size >>= 1, square *= square)
    if (size & 1) power *= square;
  return power;
}

}  // namespace lehr::plugins::filter
