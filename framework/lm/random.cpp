#include "lm/random.h"

#include <cmath>
#include <numbers>
#include <numeric>

namespace lehr::lm {

// Counter: index and stream, the purpose mixed into the stream's upper half. Key: the seed.
std::array<uint32_t, 4> Random::block(uint64_t index) const {
  std::array<uint32_t, 4> c = {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
                               static_cast<uint32_t>(stream_),
                               static_cast<uint32_t>(stream_ >> 32) ^ (purpose_ * 0x9E3779B1u)};
  uint32_t k0 = static_cast<uint32_t>(seed_);
  uint32_t k1 = static_cast<uint32_t>(seed_ >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

uint64_t Random::bits(uint64_t index) const {
  const auto b = block(index);
  return (uint64_t{b[1]} << 32) | b[0];
}

double Random::uniform(uint64_t index) const {
  return static_cast<double>(bits(index) >> 11) * 0x1p-53;
}

double Random::normal(uint64_t index) const {
  const auto b = block(index);
  const uint64_t first = (uint64_t{b[1]} << 32) | b[0];
  const uint64_t second = (uint64_t{b[3]} << 32) | b[2];
  const double u = (static_cast<double>(first >> 11) + 1.0) * 0x1p-53;  // (0, 1]
  const double v = static_cast<double>(second >> 11) * 0x1p-53;
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

uint64_t Random::below(uint64_t index, uint64_t bound) const {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(bits(index)) * bound) >> 64);
}

std::vector<uint64_t> Random::permutation(uint64_t count) const {
  std::vector<uint64_t> order(count);
  std::iota(order.begin(), order.end(), uint64_t{0});
  shuffle(order);
  return order;
}

}  // namespace lehr::lm
