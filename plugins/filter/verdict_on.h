// For tests: what a step says to one text.
#pragma once

#include <lehr/plugin.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "text/fake_host.h"

namespace lehr::plugins::filter {

// A step as planning makes it, and a pass before its first document. Parameters that are not given
// have their defaults.
template <class T>
std::unique_ptr<T> step_with(nlohmann::json parameters) {
  static const nlohmann::json defaults = [] {
    Description description;
    T().describe(description);
    auto all = nlohmann::json::object();
    const auto described = nlohmann::json::parse(description.json("step", false));
    for (const auto& p : described.at("parameters"))
      if (p.contains("default")) all[p.at("name").get<std::string>()] = p.at("default");
    return all;
  }();
  for (const auto& [name, value] : defaults.items())
    if (!parameters.contains(name)) parameters[name] = value;
  const text::ValueTree tree(parameters);
  return detail::bind<T>(tree.root());
}

// Verdict of a step on one text: its reason, "-> text" if it was rewritten, "" if it stays.
template <class T>
std::string verdict_on(const std::string& text,
                       nlohmann::json parameters = nlohmann::json::object(),
                       const std::string& fields = "") {
  const auto step = step_with<T>(std::move(parameters));
  lehr_document raw{};
  raw.text = borrow(text);
  raw.fields = borrow(fields);
  std::set<std::string, std::less<>> reasons;
  std::deque<std::string> texts;
  Document document(raw, reasons, texts);
  step->process(document);
  if (raw.verdict == LEHR_DROP) return std::string(view(raw.reason));
  if (raw.verdict == LEHR_REWRITE) return "-> " + std::string(view(raw.rewritten));
  return "";
}

}  // namespace lehr::plugins::filter
