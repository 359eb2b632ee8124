// What tests/oracle/minhash_oracle.py asks: texts as JSON strings on stdin, one a line, and for
// each a line of JSON on stdout.
//   minhash_tool simplify
//   minhash_tool minima HASH SPLITTER WORDS FUNCTIONS      null for a text without shingles
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "minhash/signature.h"
#include "text/simplifier.h"

namespace {

using nlohmann::json;
using namespace lehr::plugins::minhash;

template <class Answer>
void answer_each(Answer answer) {
  for (std::string line; std::getline(std::cin, line);)
    std::cout << json(answer(json::parse(line).get<std::string>())).dump() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  std::ios::sync_with_stdio(false);
  if (arguments == std::vector<std::string>{"simplify"}) {
    lehr::text::Simplifier simplifier;
    answer_each([&](const std::string& text) { return std::string(simplifier.simplify(text)); });
    return 0;
  }
  if (arguments.size() != 5 || arguments[0] != "minima") {
    std::cerr << "usage: minhash_tool simplify | minima HASH SPLITTER WORDS FUNCTIONS\n";
    return 2;
  }
  SignatureOptions options;
  options.shingles.hash = arguments[1] == "fast" ? HashMode::fast : HashMode::datatrove;
  options.shingles.splitter = arguments[2] == "uax29" ? lehr::text::WordSplitter::uax29
                                                      : lehr::text::WordSplitter::whitespace;
  options.shingles.size = std::stoul(arguments[3]);
  options.bands = 1;
  options.rows = std::stoul(arguments[4]);
  Signer signer(options);
  std::vector<BandKey> keys;
  answer_each([&](const std::string& text) -> json {
    keys.clear();
    return signer.sign(text, keys) ? json(signer.minima()) : json();
  });
}
