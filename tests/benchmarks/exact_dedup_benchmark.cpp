// How fast exact duplicates are found among rows in memory, on one thread, block after block as in
// the stage: rows of JSON are read, their texts hashed and decided.
//
//   exact_dedup_benchmark DOCUMENTS.jsonl
//
// Prints {"seconds": s, "bytes": n, "kept": n}; bytes: of text. Reading the file is not counted.
#include <time.h>

#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "filter/document_block.h"
#include "filter/exact_dedup.h"

namespace {

using namespace lehr;

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw Error("usage: exact_dedup_benchmark DOCUMENTS.jsonl");
  std::vector<text::LineBlock> blocks;
  text::LineBlocks file({argv[1]});
  for (text::LineBlock block; file.next(block);) blocks.push_back(block);
  std::mutex one_huge;
  plugins::filter::DocumentBlock block(one_huge);
  plugins::filter::SeenTexts seen({}, ".");
  text::DocumentParser parser;
  std::uint64_t bytes = 0, kept = 0;
  const double begin = cpu_seconds();
  for (text::LineBlock& lines : blocks) {
    std::swap(block.lines, lines);
    block.parse(parser, argv[1]);
    seen.hash(block);
    seen.decide(block, block.added.emplace_back());
    seen.settle(block);
    bytes += block.summary().bytes_in();
    kept += block.documents().size();
  }
  const double seconds = cpu_seconds() - begin;
  std::cout << nlohmann::json{{"seconds", seconds}, {"bytes", bytes}, {"kept", kept}} << '\n';
} catch (const std::exception& e) {
  std::cerr << "exact_dedup_benchmark: " << e.what() << '\n';
  return 1;
}
