#include "c4_paragraph.h"

#include "text_tables.h"

namespace lehr::plugins::filter {

void C4Paragraph::describe(Description& d) {
  d.summary("drops documents with too few long lines, by mC4's rule");
  d.count("min_paragraphs", min_paragraphs_)
      .at_least(1)
      .help("long lines; fewer: too_few_paragraphs");
  d.count("min_characters", min_characters_).at_least(0).help("what makes a line a paragraph");
}

void C4Paragraph::process(Document& document) {
  std::int64_t paragraphs = 0;
  for (const Line& line : TextTables::of(document.text()).lines())
    paragraphs += line.characters >= min_characters_;
  if (paragraphs < min_paragraphs_) document.drop("too_few_paragraphs");
}

}  // namespace lehr::plugins::filter
