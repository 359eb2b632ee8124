// The numbers that a stage gave as its results, in the order in which it first named them: what it
// gives first is shown where there is no room for all.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lehr::runtime {

struct NamedResult {
  double value = 0;
  bool is_volatile = false;  // a timing or the like: not expected to be the same again
};

class NamedResults {
 public:
  using value_type = std::pair<std::string, NamedResult>;
  using const_iterator = std::vector<value_type>::const_iterator;

  NamedResults() = default;
  NamedResults(std::initializer_list<value_type> items);

  NamedResult& operator[](std::string_view name);
  const_iterator find(std::string_view name) const;
  const NamedResult& at(const std::string& name) const {  // throws std::out_of_range
    return items_[places_.at(name)].second;
  }
  const_iterator begin() const { return items_.begin(); }
  const_iterator end() const { return items_.end(); }
  bool empty() const { return items_.empty(); }

 private:
  std::vector<value_type> items_;
  std::map<std::string, std::size_t, std::less<>> places_;
};

// {"loss":{"value":0.5},"seconds":{"value":3.0,"volatile":true}}, appended to `out`. JSON knows
// finite numbers only: of another one the value is null, with "text": "inf" or "-inf" beside it.
void append_json(std::string& out, const NamedResults& results);
nlohmann::ordered_json to_json(const NamedResults& results);
// What a value of null stands for, by the text beside it, which may be empty.
double not_finite(std::string_view text);

}  // namespace lehr::runtime
