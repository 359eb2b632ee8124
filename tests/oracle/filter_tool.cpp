// What the filter plugin says to texts: JSON strings, or documents {"text","fields"}, on stdin, one
// a line; on stdout for each a line of JSON: null if it stays, {"reason"} or {"text"} if it is
// dropped or rewritten.
//
//   filter_tool step FILTER.so NAME [PARAMETERS]   PARAMETERS: JSON; the others have defaults
//   filter_tool words SPLITTER                     the list of words instead
//   filter_tool sentences                          their number
//   filter_tool spacy TABLE                        {"words", "sentences"} by that table
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "opened_step.h"
#include "text/spacy_words.h"
#include "text/words.h"

namespace {

using nlohmann::json;
namespace text = lehr::text;

template <class Answer>
void answer_each(Answer answer) {
  for (std::string line; std::getline(std::cin, line);) {
    const json document = json::parse(line);
    if (document.is_string())
      std::cout << answer(document.get<std::string>(), std::string()).dump() << '\n';
    else
      std::cout
          << answer(document.at("text").get<std::string>(), document.at("fields").dump()).dump()
          << '\n';
  }
}

int run(const std::vector<std::string>& arguments) {
  std::vector<text::Span> spans;
  if (arguments.size() >= 3 && arguments[0] == "step") {
    lehr::oracle::OpenedStep step(
        arguments[1].c_str(), arguments[2],
        arguments.size() > 3 ? json::parse(arguments[3]) : json::object());
    answer_each([&](const auto& text, const auto& fields) { return step.judge(text, fields); });
  } else if (arguments.size() == 2 && arguments[0] == "words") {
    const auto splitter =
        arguments[1] == "uax29" ? text::WordSplitter::uax29 : text::WordSplitter::whitespace;
    answer_each([&](const auto& text, const auto&) {
      json words = json::array();
      text::find_words(text, splitter, spans);
      for (const auto s : spans) words.push_back(text.substr(s.begin, s.end - s.begin));
      return words;
    });
  } else if (arguments.size() == 1 && arguments[0] == "sentences") {
    answer_each([&](const auto& text, const auto&) {
      return json(text::count_sentences(text, text.size() + 1, spans));
    });
  } else if (arguments.size() == 2 && arguments[0] == "spacy") {
    text::SpacyWords spacy(std::make_shared<const text::SpacyTable>(arguments[1]));
    answer_each([&](const auto& text, const auto&) {
      json words = json::array();
      spacy.find(text, spans);
      for (const auto s : spans) words.push_back(text.substr(s.begin, s.end - s.begin));
      return json({{"words", words}, {"sentences", spacy.count_sentences(text, text.size() + 1)}});
    });
  } else {
    std::cerr << "usage: filter_tool step FILTER.so NAME [PARAMETERS] | words SPLITTER | "
                 "sentences | spacy TABLE\n";
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  std::ios::sync_with_stdio(false);
  return run({argv + 1, argv + argc});
} catch (const std::exception& e) {
  std::cerr << "filter_tool: " << e.what() << '\n';
  return 1;
}
