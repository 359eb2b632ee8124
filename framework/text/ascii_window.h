// Where pre-tokens start in 64 bytes of ASCII, for all of them at once: bit i of a mask stands for
// byte i, and a shift by one says what the byte before (<< 1) or after (>> 1) is. The window begins
// at the start of a pre-token; as the expressions look at nothing before it, neither does this.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "text/byte_classes.h"
#include "text/pretokenizer.h"

namespace lehr::text {

struct WindowStarts {
  std::uint64_t starts;  // those that do not depend on what follows the window; never bit 0
  unsigned ascii;        // bytes before the first character beyond ASCII
};

namespace window {

using Mask = std::uint64_t;

inline Mask below(unsigned count) { return count >= 64 ? ~Mask{0} : (Mask{1} << count) - 1; }
// The first byte of each run.
inline Mask firsts(Mask mask) { return mask & ~(mask << 1); }

// \p{N}{1,3}
inline Mask every_third(Mask digits) {
  const Mask after_three = digits & (digits << 1) & (digits << 2) & (digits << 3);
  Mask starts = firsts(digits);
  for (Mask next = starts; (next = (next << 3) & after_three) != 0;) starts |= next;
  return starts;
}

// White space that `\s*[\r\n]+` has passed begins anew after its last line end: of the runs that
// begin at `after`, those that a line end follows are still part of it.
inline Mask without_more_lines(Mask after, Mask flat, Mask newline) {
  if (((flat + after) & ~flat & newline) == 0) return after;
  Mask kept = 0;
  for (Mask rest = after; rest != 0; rest &= rest - 1) {
    const Mask first = rest & -rest;
    if (((flat + first) & ~flat & newline) == 0) kept |= first;  // the carry stands behind the run
  }
  return kept;
}

// Length of 's 't 're 've 'm 'll 'd at `p`, of which three bytes are readable; 0 if it is none.
template <bool ignore_case>
unsigned contraction(const char* p) {
  const auto lower = [](char c) {
    return ignore_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  const char a = lower(p[1]), b = lower(p[2]);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
  return (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l') ? 3 : 0;
}

}  // namespace window

// bytes: the 64 of which `c` are the classes; the first is ASCII.
template <Pattern P>
WindowStarts ascii_starts(const ByteClasses& c, const char* bytes) {
  using window::Mask;
  constexpr bool smollm = P == Pattern::smollm, gpt2 = P == Pattern::gpt2 || smollm,
                 o200k = P == Pattern::o200k;
  const auto ascii = static_cast<unsigned>(std::countr_zero(c.beyond));  // 64 if there is none
  // Starts are known for the bytes whose next byte is known too.
  unsigned known = ascii - 1;
  const Mask letter = c.upper | c.lower;
  const Mask other = ~(letter | c.digit | c.space | c.beyond);
  const Mask other_starts = window::firsts(other) & ~(c.blank << 1);
  Mask starts;
  if constexpr (gpt2) {
    const Mask digits = smollm ? Mask{0} : c.digit;  // that a blank before them joins
    const Mask runs = window::firsts(letter) | window::firsts(digits) | window::firsts(other);
    // A run of white space is one pre-token and, before a word, its last character another.
    const Mask inside = (c.space << 1) & ((c.space | (c.digit & ~digits)) >> 1);
    starts = (runs & ~(c.blank << 1)) | (c.space & ~inside) | (c.digit & ~digits);
  } else {
    // Line ends right after symbols belong to them: adding the first of such a run clears the run.
    const Mask eaten = c.newline & ~(c.newline + (c.newline & (other << 1)));
    const Mask space = c.space & ~eaten, flat = space & ~c.newline;
    const Mask after_line =
        window::without_more_lines(flat & ((c.newline & ~eaten) << 1), flat, c.newline);
    starts = window::firsts(space) | (flat & ~(space >> 1)) | after_line | other_starts;
    starts |= P == Pattern::qwen2 ? c.digit : window::every_third(c.digit);
    // Letters take one character before them that is no letter, number or line end.
    starts |= window::firsts(letter) & ~((flat | other_starts) << 1);
    if constexpr (o200k) {
      starts |= c.upper & (c.lower << 1);
      if (const Mask after = c.slash & (eaten << 1); after != 0)  // [\r\n/]*
        known = std::min(known, static_cast<unsigned>(std::countr_zero(after)));
    }
    // White space up to the end of the window: a line end may follow.
    const auto run = 64 - static_cast<unsigned>(std::countl_zero(~space & window::below(ascii)));
    if (run < ascii) known = std::min(known, run + 1);
  }
  const Mask quotes = o200k ? c.apostrophe & other_starts & (letter << 1) : c.apostrophe & starts;
  for (Mask rest = quotes & window::below(known); rest != 0; rest &= rest - 1) {
    const auto at = static_cast<unsigned>(std::countr_zero(rest));
    if (at + 2 >= ascii) {
      known = at;
      break;
    }
    const unsigned length = window::contraction<!gpt2>(bytes + at);
    if (length == 0) continue;
    // For o200k it ends the word before it, else it stands alone.
    starts &= ~((window::below(length) & ~Mask{!o200k}) << at);
    if (at + length < 64) starts |= Mask{1} << (at + length);
    // o200k: what follows a contraction is no contraction of that word.
    if constexpr (o200k) rest &= ~(Mask{1} << std::min(at + length, 63u));
  }
  return {starts & window::below(known) & ~Mask{1}, ascii};
}

}  // namespace lehr::text
