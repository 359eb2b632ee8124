// Judges texts by one document step: JSON strings on stdin, one a line; the reason of each on
// stdout, an empty line for those that stay.  filter_tool gopher_quality
#include <cstdio>
#include <deque>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "filter/gopher_quality.h"

int main(int argc, char** argv) {
  if (argc != 2 || std::string(argv[1]) != "gopher_quality") {
    std::fputs("usage: filter_tool gopher_quality\n", stderr);
    return 2;
  }
  lehr::plugins::filter::GopherQuality step;
  std::set<std::string, std::less<>> reasons;
  std::deque<std::string> rewritten;
  for (std::string line; std::getline(std::cin, line);) {
    const std::string text = nlohmann::json::parse(line);
    lehr_document raw{};
    raw.text = lehr::borrow(text);
    lehr::Document document(raw, reasons, rewritten);
    step.process(document);
    const bool dropped = raw.verdict == LEHR_DROP;
    std::cout << (dropped ? lehr::view(raw.reason) : "") << '\n';
  }
}
