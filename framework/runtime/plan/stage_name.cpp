#include "runtime/plan/stage_name.h"

#include <algorithm>
#include <string>

namespace lehr::runtime {
namespace {

// What follows the '@', between commas.
std::string between_commas(std::string_view id) {
  const std::size_t at = id.find('@');
  return at == id.npos ? "," : "," + std::string(id.substr(at + 1)) + ",";
}

}  // namespace

std::string_view base_name(std::string_view id) { return id.substr(0, id.find('@')); }

bool means_stage(std::string_view name, std::string_view id) {
  if (name == id || name == base_name(id)) return true;
  if (base_name(name) != base_name(id) || name.ends_with('@') || name.ends_with(',')) return false;
  const std::string has = between_commas(id), wanted = between_commas(name);
  for (std::size_t begin = 0; begin + 1 < wanted.size();) {
    const std::size_t end = wanted.find(',', begin + 1);
    if (has.find(wanted.substr(begin, end + 1 - begin)) == has.npos) return false;
    begin = end;
  }
  return true;
}

}  // namespace lehr::runtime
