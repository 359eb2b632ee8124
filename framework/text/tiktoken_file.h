// Reads .tiktoken files: a line for each token, its bytes in base64, a space, its rank, which is
// its id. How text is cut and which special tokens there are is not in the file; whoever names the
// file has to say so.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_json.h"

namespace lehr::text {

// Whether `file` begins as such a file does.
bool is_tiktoken_file(std::string_view file);

// Merges by rank; without special tokens. Throws lehr::Error with the line of the mistake.
TokenizerSpec parse_tiktoken_file(std::string_view file, const Pretokenizer& pretokenizer);

}  // namespace lehr::text
