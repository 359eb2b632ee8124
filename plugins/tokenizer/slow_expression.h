// What the stages say of a tokenizer whose pre-tokenizer is not scanned by hand.
#pragma once

namespace lehr::plugins::tokenizer {

inline constexpr const char* kSlowExpression =
    "the pre-tokenizer's expression is none that is scanned by hand: it goes through a regular "
    "expression engine, tens of times slower";

}  // namespace lehr::plugins::tokenizer
