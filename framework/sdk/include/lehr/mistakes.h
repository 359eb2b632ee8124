// Gathers what several rules refuse, so that a person hears of all of it at one time: the message
// of the Error has a line for each, which is shown where the parameter that it begins with is
// given.
//
//   void check() override {
//     Mistakes mistakes;
//     if (width_ % heads_ != 0) mistakes.add("heads: do not divide width");
//     mistakes.of([&] { check(budget_); });  // what another function throws
//     mistakes.report();
//   }
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "lehr/value.h"

namespace lehr {

class Mistakes {
 public:
  void add(std::string_view message) {
    text_ += text_.empty() ? "" : "\n";
    text_ += message;
  }
  template <class F>
  void of(F rule) {
    try {
      std::move(rule)();
    } catch (const Error& error) {
      add(error.what());
    }
  }
  // Throws Error with a line for each, if there are any.
  void report() const {
    if (!text_.empty()) throw Error(text_);
  }

 private:
  std::string text_;
};

}  // namespace lehr
