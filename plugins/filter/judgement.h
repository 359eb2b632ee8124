// A step's rules over numbers, asked in order: the first that fails names the reason. A number is
// measured when a rule needs it, unless it is known from before; where all numbers are wanted they
// are measured behind a rule that failed and for rules that are off as well.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "threshold.h"

namespace lehr::plugins::filter {

struct Measure {
  std::string_view name;
  double value;  // NaN where the text has no such thing: no rule fails
};

class Judgement {
 public:
  enum class Wanted { reason, all_numbers };
  // known: measured before; must outlive this.
  explicit Judgement(Wanted wanted, std::span<const Measure> known = {})
      : all_(wanted == Wanted::all_numbers), known_(known) {}

  // Each gives true when the rest need not be asked. measure(): gives the number.
  template <class T, class Measured>
  bool below(std::string_view reason, std::string_view name, const std::optional<T>& threshold,
             Measured measure) {
    return rule(reason, name, is_on(threshold), measure,
                [&](double value) { return value < static_cast<double>(*threshold); });
  }
  template <class T, class Measured>
  bool above(std::string_view reason, std::string_view name, const std::optional<T>& threshold,
             Measured measure) {
    return rule(reason, name, is_on(threshold), measure,
                [&](double value) { return value > static_cast<double>(*threshold); });
  }
  template <class Measured, class Fails>
  bool rule(std::string_view reason, std::string_view name, bool on, Measured measure,
            Fails fails) {
    if (!on && !all_) return false;
    const Measure* known = find(name);
    const double value = known != nullptr ? known->value : static_cast<double>(measure());
    if (all_ && known == nullptr) measured_.push_back({name, value});
    if (on && reason_.empty() && fails(value)) reason_ = reason;
    return !all_ && !reason_.empty();
  }
  void fail(std::string_view reason) {
    if (reason_.empty()) reason_ = reason;
  }

  bool wants_all() const { return all_; }
  std::string_view reason() const { return reason_; }  // empty: no rule failed
  std::span<const Measure> measured() const { return measured_; }

 private:
  const Measure* find(std::string_view name) const {
    for (const std::span<const Measure> some : {known_, std::span<const Measure>(measured_)})
      for (const Measure& m : some)
        if (m.name == name) return &m;
    return nullptr;
  }

  const bool all_;
  const std::span<const Measure> known_;
  std::vector<Measure> measured_;
  std::string_view reason_;
};

}  // namespace lehr::plugins::filter
