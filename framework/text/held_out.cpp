#include "text/held_out.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace lehr::text {

bool is_held_out(std::string_view content, double fraction) {
  constexpr double kAll = 18446744073709551616.0;  // 2^64
  if (fraction <= 0) return false;
  return static_cast<double>(XXH3_64bits(content.data(), content.size())) / kAll < fraction;
}

}  // namespace lehr::text
