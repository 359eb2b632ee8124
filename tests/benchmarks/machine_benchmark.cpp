// What this machine can do, and what the store makes of it: writes files of BYTES in all below
// FOLDER and prints one JSON object with seconds, ROUNDS of each, interleaved. Random bytes, so
// that no layer below can save writing them.
//
//   machine_benchmark FOLDER BYTES ROUNDS
//
//   write      to the page cache        sync        that file to disk
//   hash       SHA-256, one core        hash_two    two files of half the size, two cores
//   read       memory, both cores
//   publish    one file that has just been written: described (hashed) and published
//   publish_8  eight files of BYTES in all, two threads
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "runtime/store/sha256.h"
#include "runtime/store/store.h"

namespace {

namespace fs = std::filesystem;
using namespace lehr::runtime;

double seconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void write_random(const fs::path& path, std::uint64_t bytes) {
  static const std::string block = [] {
    std::string out(1 << 20, '\0');
    std::uint64_t state = 0x9e3779b97f4a7c15;
    for (char& c : out) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      c = static_cast<char>(state);
    }
    return out;
  }();
  static std::uint64_t counter = 0;
  fs::create_directories(path.parent_path());
  const FileDescriptor file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
  for (std::uint64_t done = 0; done < bytes; done += block.size()) {
    const std::string unique = std::to_string(counter++) + "\n";  // no two blocks are the same
    write_all(file.get(), unique, path);
    write_all(file.get(), std::string_view(block).substr(unique.size()), path);
  }
}

// As a stage host does it.
double publish(const ArtifactStore& store, const fs::path& out, unsigned threads) {
  StageResult result;
  result.key = sha256_hex(out.string());
  result.stage = "benchmark.publish";
  return seconds([&] {
    std::future<void> on_disk = start_fsync_tree(out);
    const Artifact artifact = describe_folder(out / "data", "documents", {}, threads);
    on_disk.get();
    result.outputs["data"] = {artifact.digest(), artifact.type, artifact.facets};
    store.publish(out, result, {{"data", artifact}});
  });
}

double read_memory(const std::vector<std::uint64_t>& numbers) {
  std::uint64_t sums[2] = {};
  const double took = seconds([&] {
    std::jthread other([&] {
      sums[1] = std::accumulate(numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2),
                                numbers.end(), std::uint64_t{0});
    });
    sums[0] = std::accumulate(numbers.begin(),
                              numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2),
                              std::uint64_t{0});
  });
  return sums[0] + sums[1] == 1 ? 0 : took;  // the sums are needed
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: machine_benchmark FOLDER BYTES ROUNDS\n";
    return 2;
  }
  const fs::path folder = argv[1];
  const std::uint64_t bytes = std::strtoull(argv[2], nullptr, 10);
  const int rounds = std::atoi(argv[3]);
  const ArtifactStore store(folder / "store");
  const std::vector<std::uint64_t> numbers(bytes / 8, 3);
  nlohmann::ordered_json figures;
  for (int round = 0; round < rounds; ++round) {
    const std::string number = std::to_string(round);
    const fs::path plain = folder / "plain";
    figures["write"].push_back(seconds([&] { write_random(plain, bytes); }));
    figures["sync"].push_back(seconds([&] { fsync_path(plain); }));
    figures["hash"].push_back(seconds([&] { sha256_file(plain); }));
    fs::remove(plain);
    const fs::path halves = folder / "halves";
    for (const char* half : {"a", "b"}) write_random(halves / half, bytes / 2);
    figures["hash_two"].push_back(seconds([&] { describe_folder(halves, "documents", {}, 2); }));
    fs::remove_all(halves);
    figures["read"].push_back(read_memory(numbers));
    const fs::path one = folder / ("one" + number), eight = folder / ("eight" + number);
    write_random(one / "data" / "train-0.bin", bytes);
    figures["publish"].push_back(publish(store, one, 1));
    remove_tree(store.root() / "artifacts");
    fs::create_directories(store.root() / "artifacts");
    for (int i = 0; i < 8; ++i)
      write_random(eight / "data" / ("train-" + std::to_string(i) + ".bin"), bytes / 8);
    figures["publish_8"].push_back(publish(store, eight, 2));
    remove_tree(store.root() / "artifacts");
    fs::create_directories(store.root() / "artifacts");
  }
  std::cout << figures.dump() << "\n";
  return 0;
}
