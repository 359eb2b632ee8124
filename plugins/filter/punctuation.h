// The characters that datatrove's filters take for punctuation: common marks, control characters
// and sentence ends of many scripts.
#pragma once

namespace lehr::plugins::filter {

bool is_punctuation(char32_t c);
// Of these, the ends of sentences.
bool is_terminal_punctuation(char32_t c);

}  // namespace lehr::plugins::filter
