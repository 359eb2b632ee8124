// A document step: judges documents one by one, inside the filter stage's parallel pass.
#pragma once

#include <lehr/plugin.h>

class NoShouting : public lehr::DocumentStep {
 public:
  void describe(lehr::Description& d) override {
    d.summary("drops documents written mostly in capitals");
    d.real("max_capitals", max_capitals_)
        .range(0, 1)
        .help("largest share of capitals among ASCII letters");
  }

  void process(lehr::Document& document) override {
    std::size_t letters = 0, capitals = 0;
    for (const char c : document.text()) {
      const bool capital = c >= 'A' && c <= 'Z';
      letters += capital || (c >= 'a' && c <= 'z');
      capitals += capital;
    }
    if (static_cast<double>(capitals) > max_capitals_ * static_cast<double>(letters))
      document.drop("shouting");
  }

 private:
  double max_capitals_ = 0.5;
};
