#include "ordered_step.h"

#include "exact_dedup.h"
#include "line_dedup.h"

namespace lehr::plugins::filter {

bool decides_in_order(std::string_view name) {
  return name == ExactDedup::kName || name == LineDedup::kName;
}

std::unique_ptr<OrderedStep> make_ordered_step(const Value& step,
                                               const std::filesystem::path& folder) {
  Description with(step["with"]);
  if (step["name"].string() == ExactDedup::kName) {
    ExactDedup described;
    described.describe(with);
    return std::make_unique<SeenTexts>(described, folder);
  }
  if (step["name"].string() == LineDedup::kName) {
    LineDedup described;
    described.describe(with);
    return std::make_unique<SeenLines>(described, folder);
  }
  return nullptr;
}

}  // namespace lehr::plugins::filter
