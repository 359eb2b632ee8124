// How fast chains of document steps are on texts in memory, on one thread.
//
//   filter_benchmark TEXTS ROUNDS CHAINS
//
// TEXTS: JSON strings, one a line. CHAINS: {"name": [["PLUGIN.so", "step", {parameters}], ...],
// ...}. The chains take turns, once to warm up and then ROUNDS times. Prints {"name": {"seconds":
// [...], "bytes": n, "kept": n}, ...}. A plugin's own steps see one document after the other, as in
// the filter stage, those of other plugins batches.
#include <time.h>

#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../oracle/opened_step.h"
#include "template/no_shouting.h"

namespace {

using lehr::oracle::OpenedStep;
using nlohmann::json;

constexpr std::size_t kBatch = 16;

// Of this thread, so that a busy machine says more than nothing.
double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Chain {
  std::string name;
  bool direct = false;
  std::vector<std::unique_ptr<OpenedStep>> steps;
  std::vector<bool> one_by_one;
  std::vector<double> seconds;
  std::size_t kept = 0;
};

void judge(OpenedStep& step, lehr_document* documents, std::string* rewritten, std::size_t count) {
  step.process(documents, count);
  for (std::size_t i = 0; i < count; ++i) {
    lehr_document& d = documents[i];
    if (d.verdict != LEHR_REWRITE) continue;
    std::string text(lehr::view(d.rewritten));
    rewritten[i].swap(text);
    d.text = lehr::borrow(rewritten[i]);
    d.verdict = LEHR_KEEP;
  }
}

std::size_t run_directly(const std::vector<std::string>& texts) {
  NoShouting step;
  std::set<std::string, std::less<>> reasons;
  std::deque<std::string> rewritten;
  std::size_t kept = 0;
  for (const std::string& text : texts) {
    lehr_document raw{};
    raw.text = lehr::borrow(text);
    lehr::Document document(raw, reasons, rewritten);
    step.process(document);
    kept += raw.verdict == LEHR_KEEP;
  }
  return kept;
}

std::size_t run(Chain& chain, const std::vector<std::string>& texts) {
  if (chain.direct) return run_directly(texts);
  std::size_t kept = 0;
  lehr_document documents[kBatch];
  std::string rewritten[kBatch];
  for (std::size_t begin = 0; begin < texts.size(); begin += kBatch) {
    std::size_t count = std::min(kBatch, texts.size() - begin);
    for (std::size_t i = 0; i < count; ++i) {
      documents[i] = {};
      documents[i].text = lehr::borrow(texts[begin + i]);
    }
    for (std::size_t first = 0; first < chain.steps.size();) {
      std::size_t last = first;
      while (last < chain.steps.size() && chain.one_by_one[last]) ++last;
      for (std::size_t i = 0; i < count; ++i)
        for (std::size_t s = first; s < last && documents[i].verdict == LEHR_KEEP; ++s)
          judge(*chain.steps[s], documents + i, rewritten + i, 1);
      std::size_t left = 0;
      for (std::size_t i = 0; i < count; ++i)
        if (documents[i].verdict == LEHR_KEEP) {
          std::swap(rewritten[left], rewritten[i]);
          documents[left++] = documents[i];
        }
      count = left;
      if (last == chain.steps.size()) break;
      judge(*chain.steps[last], documents, rewritten, count);
      first = last + 1;
    }
    for (std::size_t i = 0; i < count; ++i) kept += documents[i].verdict == LEHR_KEEP;
  }
  return kept;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) throw lehr::Error("usage: filter_benchmark TEXTS ROUNDS CHAINS");
  std::vector<std::string> texts;
  std::size_t bytes = 0;
  std::ifstream in(argv[1]);
  for (std::string line; std::getline(in, line);) {
    texts.push_back(json::parse(line));
    bytes += texts.back().size();
  }
  std::vector<Chain> chains;
  const auto wanted = nlohmann::ordered_json::parse(argv[3]);
  for (const auto& [name, steps] : wanted.items()) {
    Chain& chain = chains.emplace_back();
    chain.name = name;
    for (const auto& step : steps) {
      const std::string plugin = step.at(0);
      chain.direct = plugin == "direct";
      if (chain.direct) continue;
      chain.steps.push_back(
          std::make_unique<OpenedStep>(plugin.c_str(), step.at(1), json(step.at(2))));
      chain.one_by_one.push_back(plugin.ends_with("/filter.so"));
    }
  }
  for (int round = 0; round <= std::stoi(argv[2]); ++round)
    for (Chain& chain : chains) {
      const double begin = cpu_seconds();
      chain.kept = run(chain, texts);
      if (round > 0) chain.seconds.push_back(cpu_seconds() - begin);
    }
  json out = json::object();
  for (const Chain& chain : chains)
    out[chain.name] = {{"seconds", chain.seconds}, {"bytes", bytes}, {"kept", chain.kept}};
  std::cout << out.dump() << '\n';
} catch (const std::exception& e) {
  std::cerr << "filter_benchmark: " << e.what() << '\n';
  return 1;
}
