// What the filter plugin says to texts: JSON strings, or documents {"text","fields"}, on stdin, one
// a line; on stdout for each a line of JSON: null if it stays, {"reason"} or {"text"} if it is
// dropped or rewritten.
//
//   filter_tool step FILTER.so NAME [PARAMETERS]    PARAMETERS: JSON; the others have their
//   defaults filter_tool words SPLITTER                      the list of words instead filter_tool
//   sentences                           their number
#include <dlfcn.h>
#include <lehr/abi.h>
#include <lehr/value.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "text/fake_host.h"
#include "text/words.h"

namespace {

using nlohmann::json;
namespace text = lehr::text;

// A step as the host would open it.
class Step {
 public:
  Step(const char* plugin, const std::string& name, json parameters) {
    void* library = ::dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw lehr::Error(::dlerror());
    const auto entry = reinterpret_cast<lehr_plugin_entry_fn>(::dlsym(library, LEHR_PLUGIN_ENTRY));
    host_.size = sizeof host_;
    host_.abi = LEHR_ABI_VERSION;
    const lehr_plugin& table = *entry(&host_);
    const json description = json::parse(lehr::view(table.description));
    for (std::size_t i = 0; i < table.step_count; ++i) {
      if (lehr::view(table.steps[i].name) != name) continue;
      step_ = &table.steps[i];
      for (const json& p : description.at("steps").at(i).at("parameters"))
        if (!parameters.contains(p.at("name")) && p.contains("default"))
          parameters[p.at("name").get<std::string>()] = p.at("default");
    }
    if (step_ == nullptr) throw lehr::Error("there is no step '" + name + "'");
    values_.emplace_back(parameters);
    if (step_->create(values_.back().root(), &sink_, &instance_) != LEHR_OK)
      throw lehr::Error(message_);
  }
  ~Step() { step_->destroy(instance_); }

  json judge(const std::string& text, const std::string& fields) {
    lehr_document document{};
    document.text = lehr::borrow(text);
    document.fields = lehr::borrow(fields);
    if (step_->process(instance_, &document, 1, sizeof document, &sink_) != LEHR_OK)
      throw lehr::Error(message_);
    if (document.verdict == LEHR_DROP) return {{"reason", lehr::view(document.reason)}};
    if (document.verdict == LEHR_REWRITE) return {{"text", lehr::view(document.rewritten)}};
    return nullptr;
  }

 private:
  std::string message_;
  lehr_host host_{};
  const lehr_step* step_ = nullptr;
  void* instance_ = nullptr;
  std::deque<lehr::text::ValueTree> values_;
  lehr_sink sink_{sizeof sink_, &message_, [](void* self, lehr_str s) {
                    static_cast<std::string*>(self)->assign(lehr::view(s));
                  }};
};

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
    Step step(arguments[1].c_str(), arguments[2],
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
  } else {
    std::cerr << "usage: filter_tool step FILTER.so NAME [PARAMETERS] | words SPLITTER | "
                 "sentences\n";
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
