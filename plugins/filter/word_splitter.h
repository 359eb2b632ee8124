// The parameter `word_splitter` of every step that counts words.
#pragma once

#include <lehr/description.h>

#include <string>

#include "text/words.h"

namespace lehr::plugins::filter {

class SplitterParameter {
 public:
  void describe(Description& d) {
    d.choice("word_splitter", name_, {"uax29", "whitespace"})
        .help(
            "how text is cut into words: at Unicode's word boundaries, punctuation marks being "
            "words of their own, or at whitespace, so that punctuation stays with its word");
  }
  const std::string& name() const { return name_; }
  text::WordSplitter operator*() const {
    return name_ == "uax29" ? text::WordSplitter::uax29 : text::WordSplitter::whitespace;
  }

 private:
  std::string name_ = "uax29";
};

}  // namespace lehr::plugins::filter
