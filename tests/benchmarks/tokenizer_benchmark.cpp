// What bench.py measures of tokenizers, on documents that are in memory, separated by zero bytes:
//   tokenizer_benchmark encode TOKENIZER CORPUS FOLDER THREADS   cold, into token shards in FOLDER
//   tokenizer_benchmark train CORPUS PATTERN TIE_BREAK VOCAB_SIZE FOLDER THREADS
//   tokenizer_benchmark words CORPUS PATTERN                     cuts and counts only, for profiles
// Prints seconds, and what shows that the work was done, as JSON.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>
#include <sys/resource.h>
#include <nlohmann/json.hpp>

#include "text/token_shards.h"
#include "text/tokenizer.h"

using namespace lehr::text;

namespace {

using Documents = std::vector<std::string_view>;

std::string read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::filesystem::file_size(path), '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

Documents documents_of(std::string_view text) {
  Documents documents;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    documents.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return documents;
}

// [first, last) of documents with about 4 MiB together.
std::vector<std::pair<std::size_t, std::size_t>> blocks_of(const Documents& documents) {
  std::vector<std::pair<std::size_t, std::size_t>> blocks;
  std::size_t first = 0, bytes = 0;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    bytes += documents[i].size();
    if (bytes < 4 << 20 && i + 1 < documents.size()) continue;
    blocks.emplace_back(first, i + 1);
    first = i + 1;
    bytes = 0;
  }
  return blocks;
}

double processor_seconds() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Seconds {
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
  double begin_cpu = processor_seconds();
  double passed() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  double cpu() const { return processor_seconds() - begin_cpu; }
};

// Of this program; getrusage() would give the largest of what ran in this process before it, too.
double peak_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "VmHWM:") {
      double kilobytes = 0;
      status >> kilobytes;
      return kilobytes * 1024 / 1e6;
    }
  return 0;
}

template <class Id>
int encode(const Tokenizer& tokenizer, const Documents& documents, const char* folder,
           int threads) {
  struct Block {
    IdBuffer<Id> ids;
    std::vector<std::size_t> ends;
    std::uint64_t bytes;
  };
  const auto blocks = blocks_of(documents);
  std::filesystem::create_directories(folder);
  const Seconds seconds;
  TokenShardWriter writer(folder, "train", tokenizer.vocab_size());
  tbb::enumerable_thread_specific<Tokenizer::Cache> caches;
  const auto in_flight = static_cast<std::size_t>(threads) + 2;
  std::vector<Block> buffers(in_flight);
  std::size_t next = 0;
  using tbb::filter_mode;
  const auto take = [&](tbb::flow_control& control) -> std::size_t {
    if (next == blocks.size()) control.stop();
    return next++;
  };
  const auto work = [&](std::size_t number) {
    if (number >= blocks.size()) return number;
    Block& block = buffers[number % in_flight];
    block.ids.clear();
    block.ends.clear();
    block.bytes = 0;
    for (std::size_t d = blocks[number].first; d < blocks[number].second; ++d) {
      tokenizer.encode(documents[d], block.ids, caches.local());
      block.ids.push_back(static_cast<Id>(tokenizer.end_of_text()));
      block.ends.push_back(block.ids.size());
      block.bytes += documents[d].size();
    }
    return number;
  };
  const auto write = [&](std::size_t number) {
    if (number >= blocks.size()) return;
    Block& block = buffers[number % in_flight];
    writer.add(block.ids.ids(), std::span<const std::size_t>(block.ends), block.bytes);
  };
  tbb::task_arena(threads).execute([&] {
    tbb::parallel_pipeline(
        in_flight, tbb::make_filter<void, std::size_t>(filter_mode::serial_in_order, take) &
                       tbb::make_filter<std::size_t, std::size_t>(filter_mode::parallel, work) &
                       tbb::make_filter<std::size_t, void>(filter_mode::serial_in_order, write));
  });
  const SplitTotals totals = writer.finish();
  const double took = seconds.passed(), cpu = seconds.cpu();
  write_tokens_json(folder, tokenizer.vocab_size(), totals, {});
  std::cout << nlohmann::json{{"seconds", took},
                              {"cpu", cpu},
                              {"tokens", totals.tokens - totals.documents},
                              {"megabytes", peak_megabytes()}}
            << "\n";
  return 0;
}

void count(WordCounts& counts, const Documents& documents, int threads) {
  const auto blocks = blocks_of(documents);
  tbb::task_arena(threads).execute([&] {
    tbb::parallel_for(std::size_t{0}, blocks.size(), [&](std::size_t number) {
      for (std::size_t d = blocks[number].first; d < blocks[number].second; ++d)
        counts.add(documents[d]);
    });
  });
}

int train(char** argv) {
  const std::string text = read(argv[2]);
  const Documents documents = documents_of(text);
  const double before = peak_megabytes();
  const Seconds seconds;
  const Pattern pattern = pattern_from_name(argv[3]);
  BpeOptions options;
  options.tie_break = std::string(argv[4]) == "rustbpe" ? TieBreak::rustbpe : TieBreak::huggingface;
  options.vocab_size = std::stoul(argv[5]);
  options.special_tokens = chat_special_tokens();
  WordCounts counts(pattern);
  count(counts, documents, std::stoi(argv[7]));
  const double counted = seconds.passed();
  const auto words = counts.sorted();
  const double sorted = seconds.passed();
  const Tokenizer tokenizer(train_bpe(words, pattern, options));
  const double trained = seconds.passed();
  std::filesystem::create_directories(argv[6]);
  tokenizer.save(argv[6]);
  std::cout << nlohmann::json{{"seconds", seconds.passed()},
                              {"cpu", seconds.cpu()},
                              {"counted", counted},
                              {"sorted", sorted},
                              {"trained", trained},
                              {"words", words.size()},
                              {"megabytes", peak_megabytes() - before}}
            << "\n";
  return 0;
}

int words(char** argv) {
  const std::string text = read(argv[2]);
  const Documents documents = documents_of(text);
  const Pattern pattern = pattern_from_name(argv[3]);
  const Seconds seconds;
  std::uint64_t cut = 0;
  for (const std::string_view document : documents) {
    PretokenCutter cutter(pattern, document);
    for (auto ends = cutter.next(); !ends.empty(); ends = cutter.next()) cut += ends.size();
  }
  const double cut_in = seconds.passed();
  WordCounts counts(pattern);
  count(counts, documents, 1);
  std::cout << nlohmann::json{{"cut", cut_in},
                              {"counted", seconds.passed() - cut_in},
                              {"words", cut}}
            << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "words" && argc == 4) return words(argv);
  if (what == "train" && argc == 8) return train(argv);
  if (what != "encode" || argc != 6) return 2;
  const Tokenizer tokenizer = Tokenizer::load(argv[2]);
  const std::string text = read(argv[3]);
  const Documents documents = documents_of(text);
  const int threads = std::stoi(argv[5]);
  return fits_u16(tokenizer.vocab_size())
             ? encode<std::uint16_t>(tokenizer, documents, argv[4], threads)
             : encode<TokenId>(tokenizer, documents, argv[4], threads);
}
