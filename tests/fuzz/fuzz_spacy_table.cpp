// A table of spaCy's words and a text, cut out of one input at its line "--": refused, or the words
// lie one behind the other and are whole characters.
#include <lehr/value.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>

#include "cut_input.h"
#include "text/spacy_words.h"
#include "text/utf8_repair.h"

namespace {

using namespace lehr;

constexpr std::size_t kMostText = 64;  // expressions may take time by more than its square

void require(bool holds) {
  if (!holds) std::abort();
}

void cut(const std::filesystem::path& table, std::string text) try {
  text = text::replace_invalid_utf8(text.substr(0, kMostText));
  text::SpacyWords splitter(std::make_shared<const text::SpacyTable>(table));
  std::vector<text::Span> words, again;
  splitter.find(text, words);
  std::uint32_t end = 0;
  for (const text::Span w : words) {
    require(end <= w.begin && w.begin < w.end && w.end <= text.size());
    require(text::is_valid_utf8(std::string_view(text).substr(w.begin, w.end - w.begin)));
    end = w.end;
  }
  splitter.find(text, again);  // from memory
  require(
      std::equal(words.begin(), words.end(), again.begin(), again.end(),
                 [](text::Span a, text::Span b) { return a.begin == b.begin && a.end == b.end; }));
  require(splitter.count_sentences(text, 1000) >= 1);
} catch (const Error&) {
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::InputFolder folder({"table", "text"});
  folder.fill(data, size);
  std::ifstream in(folder.path() / "text", std::ios::binary);
  cut(folder.path() / "table", {std::istreambuf_iterator<char>(in), {}});
  return 0;
}
