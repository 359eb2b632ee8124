// XXH64 with seed 0 for texts of some tens of bytes, whose lengths vary: the tail is taken without
// branches, since guessing where it ends costs more than its arithmetic. Reads up to eight bytes
// behind the text.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lehr::plugins::minhash {

class ShortXxh64 {
 public:
  static std::uint64_t hash(const char* text, std::size_t size) {
    std::uint64_t h = kPrime5;
    const char* at = text;
    std::size_t left = size;
    if (left >= 32) {
      std::uint64_t lanes[4] = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
      for (; left >= 32; left -= 32, at += 32)
        for (int i = 0; i < 4; ++i) lanes[i] = round(lanes[i], load<std::uint64_t>(at + 8 * i));
      h = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
          std::rotl(lanes[3], 18);
      for (const std::uint64_t lane : lanes) h = (h ^ round(0, lane)) * kPrime1 + kPrime4;
    }
    h += size;
    const std::size_t eights = left / 8;
    for (std::size_t i = 0; i < 3; ++i) {
      const std::uint64_t part = load<std::uint64_t>(at + 8 * (i < eights ? i : eights));
      const std::uint64_t next = std::rotl(h ^ round(0, part), 27) * kPrime1 + kPrime4;
      h = choose(i < eights, next, h);
    }
    at += 8 * eights;
    const std::uint64_t four = load<std::uint32_t>(at);
    h = choose((left & 4) != 0, std::rotl(h ^ (four * kPrime1), 23) * kPrime2 + kPrime3, h);
    at += left & 4;
    for (std::size_t i = 0; i < 3; ++i) {
      const std::uint64_t byte = static_cast<unsigned char>(at[i]);
      h = choose(i < (left & 3), std::rotl(h ^ (byte * kPrime5), 11) * kPrime1, h);
    }
    h = (h ^ (h >> 33)) * kPrime2;
    h = (h ^ (h >> 29)) * kPrime3;
    return h ^ (h >> 32);
  }

 private:
  static constexpr std::uint64_t kPrime1 = 0x9e3779b185ebca87, kPrime2 = 0xc2b2ae3d27d4eb4f,
                                 kPrime3 = 0x165667b19e3779f9, kPrime4 = 0x85ebca77c2b2ae63,
                                 kPrime5 = 0x27d4eb2f165667c5;

  template <class T>
  static T load(const char* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
  static std::uint64_t round(std::uint64_t lane, std::uint64_t part) {
    return std::rotl(lane + part * kPrime2, 31) * kPrime1;
  }
  static std::uint64_t choose(bool first, std::uint64_t a, std::uint64_t b) {
    return b ^ ((a ^ b) & (0 - std::uint64_t{first}));
  }
};

}  // namespace lehr::plugins::minhash
