// Parameter values as plugins see them: a lehr_value tree made from JSON, guided by the declared
// parameters, so that every field is present, in declared order and of the declared type.
#pragma once

#include <lehr/abi.h>

#include <deque>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lehr::host {

class ValueTree {
 public:
  // values: a JSON object; parameters: the "parameters" of a description. The tree owns all it
  // points to.
  ValueTree(const nlohmann::ordered_json& values, const nlohmann::ordered_json& parameters);
  ValueTree(const ValueTree&) = delete;
  ValueTree& operator=(const ValueTree&) = delete;

  const lehr_value* root() const { return &root_; }

 private:
  using Json = nlohmann::ordered_json;
  lehr_value fields(const Json& values, const Json& parameters, bool defaults);
  lehr_value typed(const Json& value, const Json& parameter);
  lehr_value plain(const Json& value);
  lehr_value list(std::vector<lehr_value> items);
  lehr_value map(std::vector<lehr_value> items, const std::vector<std::string>& keys);
  lehr_str keep(std::string text);

  std::deque<std::string> strings_;
  std::deque<std::vector<lehr_value>> items_;
  std::deque<std::vector<lehr_str>> keys_;
  lehr_value root_;
};

}  // namespace lehr::host
