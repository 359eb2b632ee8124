// A list of words, addresses or rows, and a text and its address, cut out of one input at its lines
// "--", through the steps that have such lists. What a list says does not hang on how often it is
// read, and a line of it is a bad word wherever it stands alone.
#include <lehr/value.h>

#include <fstream>
#include <iterator>

#include "cut_input.h"
#include "filter/c4_bad_words.h"
#include "filter/decontaminate.h"
#include "filter/url.h"
#include "filter/verdict_on.h"
#include "filter/word_list.h"
#include "text/lower_case.h"
#include "text/utf8_repair.h"

namespace {

using namespace lehr;
using namespace lehr::plugins::filter;
using nlohmann::json;

void require(bool holds) {
  if (!holds) std::abort();
}

template <class T>
void judge(const std::string& text, const json& parameters, const std::string& fields = "") try {
  require(verdict_on<T>(text, parameters, fields) == verdict_on<T>(text, parameters, fields));
} catch (const Error&) {
}

void find_first_word(const std::string& path) try {
  const auto words = read_word_list(path);
  std::string lower;
  if (!words.empty()) text::lower_case(words[0], lower);
  if (words.empty() || lower != words[0]) return;
  const std::string alone = "\n" + words[0] + "\n";
  require(!verdict_on<C4BadWords>(alone, {{"words", path}, {"allow", json::array()}}).empty());
} catch (const Error&) {
}

std::string content(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return text::replace_invalid_utf8(std::string(std::istreambuf_iterator<char>(in), {}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::InputFolder folder({"list", "url", "text"});
  folder.fill(data, size);
  const std::string list = (folder.path() / "list").string();
  const std::string text = content(folder.path() / "text");
  const std::string fields = json({{"url", content(folder.path() / "url")}}).dump();
  for (const bool whole : {true, false})
    judge<C4BadWords>(text, {{"words", list}, {"whole_words", whole}});
  find_first_word(list);
  for (const char* kind : {"domains", "urls", "banned_words", "banned_subwords"})
    judge<Url>(text, {{kind, list}}, fields);
  judge<Decontaminate>(text, {{"sets", {list}}, {"words", 2}, {"query_runs", true}});
  return 0;
}
