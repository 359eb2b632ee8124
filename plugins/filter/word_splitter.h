// The parameters of every step that counts words, or sentences.
#pragma once

#include <lehr/description.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared_file.h"
#include "text/spacy_words.h"
#include "text/words.h"
#include "text_tables.h"

namespace lehr::plugins::filter {

class SpacyTableParameter {
 public:
  void describe(Description& d, const char* what) { d.input_path("spacy_table", path_).help(what); }
  // Null if no table is given. Throws Error if it cannot be used.
  text::SpacyWords* words() {
    if (path_ && !words_)
      words_.emplace(
          shared_file<text::SpacyTable>(*path_, [&] { return text::SpacyTable(*path_); }));
    return words_ ? &*words_ : nullptr;
  }

 private:
  std::optional<std::string> path_;
  std::optional<text::SpacyWords> words_;
};

class SplitterParameter {
 public:
  void describe(Description& d) {
    d.choice("word_splitter", name_, {"uax29", "whitespace"})
        .help(
            "how text is cut into words: at Unicode's word boundaries, punctuation marks being "
            "words of their own, or at whitespace, so that punctuation stays with its word");
    spacy_.describe(d,
                    "words as spaCy cuts them, instead of word_splitter: a table that "
                    "tools/spacy_table writes");
  }
  // Throws Error for what cannot be meant, and for a table that cannot be used.
  void check() {
    if (spacy_.words() != nullptr && name_ != "uax29")
      throw Error("word_splitter '" + name_ +
                  "' and spacy_table are two ways to cut words: give one of them");
  }
  // What tells it from others.
  std::string name() {
    const text::SpacyWords* spacy = spacy_.words();
    return spacy ? "spacy " + std::to_string(spacy->table().hash()) : name_;
  }
  const std::vector<Word>& words(TextTables& tables) {
    if (text::SpacyWords* spacy = spacy_.words()) return tables.words(*spacy);
    return tables.words(splitter());
  }
  std::size_t count_words(TextTables& tables) {
    if (text::SpacyWords* spacy = spacy_.words()) return tables.words(*spacy).size();
    return tables.count_words(splitter());
  }

 private:
  text::WordSplitter splitter() const {
    return name_ == "uax29" ? text::WordSplitter::uax29 : text::WordSplitter::whitespace;
  }

  std::string name_ = "uax29";
  SpacyTableParameter spacy_;
};

}  // namespace lehr::plugins::filter
