// Whether tools/sanitize thread sees a race in what TBB runs, and takes nothing else for one:
// blocks of lines through a pipeline. With an argument, its threads count in one place without a
// lock.
#include <tbb/enumerable_thread_specific.h>
#include <tbb/global_control.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "text/block_pipeline.h"

using namespace lehr::text;

namespace {

struct Block {
  LineBlock lines;
  std::string letters;
};

long counted_by_all = 0;

}  // namespace

int main(int argc, char**) {
  constexpr std::size_t kLines = 4000, kThreads = 3;
  const auto path =
      std::filesystem::temp_directory_path() / ("race_check-" + std::to_string(::getpid()));
  std::ofstream file(path);
  for (std::size_t i = 0; i < kLines; ++i) file << std::string(99, 'a' + i % 26) << "\n";
  file.close();
  LineBlocks::Options options;
  options.block_bytes = 4096;
  LineBlocks blocks({path}, options);
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, kThreads);
  tbb::enumerable_thread_specific<std::size_t> by_thread;
  std::size_t begun = 0;
  std::string all;
  run_blocks<Block>(
      blocks, kThreads, [] { return false; }, [&](Block&) { ++begun; },
      [&](Block& block) {
        block.letters.clear();
        for (const char c : block.lines.bytes())
          if (c != '\n') block.letters += c;
        ++by_thread.local();
        if (argc > 1) ++counted_by_all;
      },
      [&](Block& block) { all += block.letters; });
  std::filesystem::remove(path);
  std::size_t worked = 0;
  for (const std::size_t count : by_thread) worked += count;
  std::printf("%zu blocks, %zu letters\n", worked, all.size());
  return worked == begun && all.size() == kLines * 99 ? 0 : 1;
}
