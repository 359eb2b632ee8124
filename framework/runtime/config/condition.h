// `when:` and `require:`: comparisons that decide whether a stage is wanted, or good enough. On
// variables and matrix values they are decided while the file is read, "${matrix.beta} < 0.3"; on
// another stage's result they are kept for the plan, {"judge:eval/accuracy": ">= 0.8"}.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/config/key_reader.h"
#include "runtime/config/pipeline.h"

namespace lehr::runtime {

class ConditionReader : KeyReader {
 public:
  ConditionReader(Interpolation& interpolation, Diagnostics& diagnostics)
      : KeyReader(interpolation, diagnostics) {}

  // A map RESULT: COMPARISON, or STAGE:RESULT: COMPARISON for another stage's. foreign_only: there
  // has to be a stage.
  std::vector<RequireConfig> results(const Node& map, const std::string& where,
                                     const std::string& key, bool foreign_only);
  // Whether `node`, its references not yet replaced, holds: VALUE OP VALUE, or a lone true or
  // false. Numbers compare with numbers, text with text. nullopt: it is a mistake.
  std::optional<bool> holds(const NodePtr& node, const std::string& where);

 private:
  std::optional<std::string> result_name(const Entry& entry);
  NodePtr side(const NodePtr& condition, std::string_view text);
};

}  // namespace lehr::runtime
