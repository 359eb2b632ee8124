// What 64 bytes are to whoever cuts words, one bit a byte. Bytes of characters beyond ASCII are
// only marked as such.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "text/byte_vector.h"

namespace lehr::text {

struct WordBytes {
  std::uint64_t letter, digit, low_line;
  std::uint64_t mid_letter, mid_number;  // join letters, and digits: . ' : and . ' , ;
  std::uint64_t space;                   // as str.isspace knows it
  std::uint64_t beyond;                  // 0x80 and above
};

struct SpaceBytes {
  std::uint64_t space;
  std::uint64_t beyond;  // that may begin a space: 0xc2, 0xe1, 0xe2, 0xe3
};

namespace word_bytes {

using namespace byte_vector;

// Adds each part's masks to those of 64 bytes.
template <class Classes, class Add>
Classes of_64(const char* bytes, Add add) {
  Classes classes{};
  for (unsigned i = 0; i < 64; i += kWide)
    add(classes, load(bytes + i), [i](std::uint64_t& to, Vector v) { to |= mask(v) << i; });
  return classes;
}

inline Vector spaces(Vector v) { return either(between(v, 0x09, 0x0d), between(v, 0x1c, 0x20)); }

inline WordBytes words(const char* bytes) {
  return of_64<WordBytes>(bytes, [](WordBytes& to, Vector v, auto set) {
    const Vector any = either(is(v, '.'), is(v, '\''));
    set(to.letter, between(lower(v), 'a', 'z'));
    set(to.digit, between(v, '0', '9'));
    set(to.low_line, is(v, '_'));
    set(to.mid_letter, either(any, is(v, ':')));
    set(to.mid_number, either(any, either(is(v, ','), is(v, ';'))));
    set(to.space, spaces(v));
    set(to.beyond, v);
  });
}

inline SpaceBytes only_spaces(const char* bytes) {
  return of_64<SpaceBytes>(bytes, [](SpaceBytes& to, Vector v, auto set) {
    set(to.space, spaces(v));
    set(to.beyond, either(is(v, '\xc2'), between(v, 0xe1, 0xe3)));
  });
}

}  // namespace word_bytes

// classify(bytes) of the text's 64 bytes from `begin` on, behind whose end stand blanks.
template <class Classify>
auto classes_at(std::string_view text, std::size_t begin, Classify classify) {
  if (begin + 64 <= text.size()) return classify(text.data() + begin);
  char bytes[64];
  std::memset(bytes, ' ', sizeof bytes);
  if (begin < text.size()) std::memcpy(bytes, text.data() + begin, text.size() - begin);
  return classify(bytes);
}

}  // namespace lehr::text
