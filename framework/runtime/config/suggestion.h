// "Did you mean ...?": the known name nearest to one that was mistyped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lehr::runtime {

// The candidate with the fewest single edits (insert, delete, replace, swap neighbours), if few
// enough to be a plausible slip; else empty. Ties go to the earlier candidate.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

// " Did you mean 'context'?", or a list of the candidates if there are at most `list_at_most`, or
// nothing.
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates,
                       std::size_t list_at_most = 12);

}  // namespace lehr::runtime
