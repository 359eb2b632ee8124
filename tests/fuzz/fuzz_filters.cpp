// Any text through the filters: words and lines lie where they may, what is rewritten is UTF-8
// again and is rewritten alike the second time, and what rules out repetitions never rules out too
// much.
#include <algorithm>
#include <cstring>

#include "filter/c4_paragraph.h"
#include "filter/c4_quality.h"
#include "filter/fineweb_quality.h"
#include "filter/gopher_quality.h"
#include "filter/gopher_repetition.h"
#include "filter/normalize.h"
#include "filter/pii.h"
#include "filter/repeated_parts.h"
#include "filter/verdict_on.h"
#include "text/lower_case.h"
#include "text/simplifier.h"
#include "text/utf8_repair.h"
#include "text/words_and_lines.h"

namespace {

using namespace lehr;
using namespace lehr::plugins::filter;

void require(bool holds) {
  if (!holds) std::abort();
}

// A step with its default parameters but these.
template <class T>
void judge(const std::string& text, const nlohmann::json& parameters = nlohmann::json::object()) {
  const std::string once = verdict_on<T>(text, parameters);
  require(once == verdict_on<T>(text, parameters));
  require(text::is_valid_utf8(once));
}

void check_words(const std::string& text, text::WordSplitter splitter) {
  std::vector<text::Span> words;
  text::find_words(text, splitter, words);
  std::uint32_t end = 0;
  for (const text::Span w : words) {
    require(end <= w.begin && w.begin < w.end && w.end <= text.size());
    const std::string_view word(text.data() + w.begin, w.end - w.begin);
    require(text::is_valid_utf8(word) && text::strip_left(text::strip_right(word)) == word);
    end = w.end;
  }
}

void check_repetitions(const std::string& text, text::WordSplitter splitter) {
  TextTables& tables = TextTables::of(text);
  RepeatedParts parts;
  parts.begin_words(tables, tables.words(splitter));
  for (std::size_t n : {2, 3, 4}) {
    const std::size_t most = parts.most_of_top_ngram(n);
    require(parts.top_ngram(n, true) <= most);
  }
  for (std::size_t n = 5; n <= 10; ++n)
    require(parts.repeated_ngrams(n) <= parts.most_repeated_ngrams(n));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = text::replace_invalid_utf8({reinterpret_cast<const char*>(data), size});
  for (const auto splitter : {text::WordSplitter::whitespace, text::WordSplitter::uax29}) {
    check_words(text, splitter);
    check_repetitions(text, splitter);
  }
  for (const char* splitter : {"whitespace", "uax29"}) {
    const nlohmann::json by = {{"word_splitter", splitter}};
    judge<GopherQuality>(text, by);
    judge<FinewebQuality>(text, by);
    for (const char* semantics : {"datatrove", "dolma"})
      judge<GopherRepetition>(text, {{"word_splitter", splitter}, {"dup_semantics", semantics}});
  }
  judge<C4Quality>(text, {{"min_sentences", 0}});
  judge<C4Quality>(text, {{"terminal_punctuation", false}, {"min_words_per_line", 0}});
  judge<C4Paragraph>(text);
  judge<Normalize>(text, {{"form", "NFKC"}});
  judge<Pii>(text, {{"phones", true}});
  std::string lower;
  text::lower_case(text, lower);
  require(text::is_valid_utf8(lower));
  text::Simplifier simplifier;
  require(text::is_valid_utf8(simplifier.simplify(text)));
  return 0;
}
