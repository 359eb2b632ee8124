// Which documents and rows a stage holds out for evaluation: by content alone, so that the choice
// survives another order, another split into files, and more data.
#pragma once

#include <string_view>

namespace lehr::text {

// Whether what `content` says belongs to evaluation: true for `fraction` of all contents, for equal
// ones alike, and for a larger fraction wherever it was for a smaller one.
bool is_held_out(std::string_view content, double fraction);

}  // namespace lehr::text
