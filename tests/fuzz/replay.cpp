// Runs a fuzz target without libFuzzer: over the files of its seed folder, and over so many of them
// with something changed, drawn by the seed. Holds each input to a second of processor time and to
// 2 x its size + 64 MiB.
//
//   fuzz_NAME FOLDER... [--mutations N] [--seed S] [--most-seconds S]
//
// An input that fails is left in ./failed-input: run the target with that file.
#include <malloc.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::atomic<std::size_t> held_bytes{0}, most_bytes{0};

void* take(std::size_t size) {
  void* memory = std::malloc(size != 0 ? size : 1);
  if (memory == nullptr) throw std::bad_alloc();
  const std::size_t now = held_bytes += ::malloc_usable_size(memory);
  for (std::size_t most = most_bytes; now > most && !most_bytes.compare_exchange_weak(most, now);) {
  }
  return memory;
}

void give(void* memory) {
  if (memory != nullptr) held_bytes -= ::malloc_usable_size(memory);
  std::free(memory);
}

std::string current;  // the input being run

[[noreturn]] void fail(const char* why) {
  std::ofstream("failed-input", std::ios::binary) << current;
  std::fprintf(stderr, "FAILED: %s; the input is in %s/failed-input (%zu bytes)\n", why,
               std::filesystem::current_path().c_str(), current.size());
  std::_Exit(1);
}

void died(int signal) {
  const bool hangs = signal == SIGALRM || signal == SIGPROF;
  fail(hangs ? "it hangs" : signal == SIGABRT ? "it aborted" : "it crashed");
}

// Ends an input that computes for too long, however busy the machine is, and one that waits for
// what never comes.
void set_timers() {
  constexpr itimerval kComputing{{}, {120, 0}};
  ::setitimer(ITIMER_PROF, &kComputing, nullptr);
  ::alarm(3600);
}

double processor_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void run(std::string input, double most_seconds) {
  current = std::move(input);
  const std::size_t before = held_bytes;
  most_bytes = before;
  set_timers();
  const double begin = processor_seconds();
  try {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current.data()), current.size());
  } catch (const std::exception& e) {
    fail((std::string("it throws ") + e.what()).c_str());
  }
  if (processor_seconds() - begin > most_seconds) fail("it takes too long");
  if (most_bytes - before > 2 * current.size() + (std::size_t{64} << 20))
    fail("it takes too much memory");
}

// What a disk, or somebody malicious, makes of a file.
std::string changed(std::string text, const std::vector<std::string>& others,
                    std::mt19937_64& random) {
  const auto below = [&](std::size_t n) {
    return static_cast<std::size_t>(random() % std::max<std::size_t>(n, 1));
  };
  static const char special[] = "\"\\{}[]:,0123456789-+.eE \n\r\t\0\xff\xfe\xed\xa0\x80\x7f tfn";
  for (std::size_t left = 1 + below(4); left > 0; --left) {
    const std::size_t at = below(text.size());
    switch (below(9)) {
      case 0:
        if (!text.empty()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 1:
        if (!text.empty()) text[at] = special[below(sizeof special - 1)];
        break;
      case 2:
        text.insert(at, 1, special[below(sizeof special - 1)]);
        break;
      case 3:
        text.erase(at, 1 + below(16));
        break;
      case 4:
        text.resize(at);
        break;
      case 5:
        text.insert(at, text.substr(below(text.size()), 1 + below(64)));
        break;
      case 6: {  // a number somewhere, of the size of a field
        static const std::uint64_t numbers[] = {0,
                                                1,
                                                0x7f,
                                                0xff,
                                                0x7fff,
                                                0xffff,
                                                0x7fffffff,
                                                0xffffffff,
                                                0x7fffffffffffffff,
                                                0xffffffffffffffff,
                                                0x100000000};
        const std::uint64_t number = numbers[below(std::size(numbers))];
        const std::size_t width = std::size_t{1} << below(4);
        if (at + width <= text.size()) std::memcpy(text.data() + at, &number, width);
        break;
      }
      case 7: {
        const std::string& other = others[below(others.size())];
        text.insert(at, other.substr(below(other.size()), 1 + below(256)));
        break;
      }
      default: {  // nested, or long
        static const char* parts[] = {"[", "{\"a\":", "\"", "9", "a", "- ", "[[", "\\"};
        const std::string part = parts[below(std::size(parts))];
        std::string many;
        for (std::size_t n = std::size_t{1} << below(15); n > 0; --n) many += part;
        text.insert(at, many);
      }
    }
  }
  return text;
}

}  // namespace

void* operator new(std::size_t size) { return take(size); }
// The standard library's calls the one above; AddressSanitizer's does not.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return take(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept { give(memory); }
void operator delete(void* memory, std::size_t) noexcept { give(memory); }

int main(int argc, char** argv) {
  std::size_t mutations = 0;
  std::uint64_t seed = 1;
  double most_seconds = 1;
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with("--") && i + 1 < argc) {
      const double value = std::atof(argv[++i]);
      if (argument == "--mutations") mutations = static_cast<std::size_t>(value);
      if (argument == "--seed") seed = static_cast<std::uint64_t>(value);
      if (argument == "--most-seconds") most_seconds = value;
    } else if (std::filesystem::is_directory(argument)) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(argument))
        if (entry.is_regular_file()) files.push_back(entry.path());
    } else {
      files.emplace_back(argument);
    }
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    std::fprintf(stderr, "no input file is named\n");
    return 2;
  }
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM, SIGPROF})
    std::signal(signal, died);
  static char stack[1 << 16];  // of the handler: an overflow leaves it none
  const stack_t other{stack, 0, sizeof stack};
  ::sigaltstack(&other, nullptr);
  struct sigaction action {};
  action.sa_handler = died;
  action.sa_flags = SA_ONSTACK;
  ::sigaction(SIGSEGV, &action, nullptr);

  std::vector<std::string> seeds;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    run(seeds.back(), most_seconds);
  }
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < mutations; ++i)
    run(changed(seeds[random() % seeds.size()], seeds, random), most_seconds);
  std::printf("%zu seeds, %zu changed ones (seed %llu): ok\n", seeds.size(), mutations,
              static_cast<unsigned long long>(seed));
  return 0;
}
