#include "megatron_files.h"

#include <lehr/value.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace lehr::plugins::tokenizer {
namespace {

constexpr std::uint64_t kTogether = 1 << 20;  // tokens, or documents
constexpr std::string_view kMagic("MMIDIDX\0\0", 9);
constexpr std::uint8_t kInt32 = 4, kUint16 = 8;

// A file of numbers, as they are in memory.
class NumberFile {
 public:
  // With the first `length` bytes of what is there.
  NumberFile(std::filesystem::path path, std::uint64_t length) : path_(std::move(path)) {
    if (length > 0 && std::filesystem::file_size(path_) < length)
      throw Error(path_.string() + ": is shorter than when its writing stopped");
    if (length > 0) std::filesystem::resize_file(path_, length);
    out_.open(path_, std::ios::binary | (length > 0 ? std::ios::app : std::ios::trunc));
  }
  template <class T>
  std::uint64_t write(std::span<const T> numbers) {
    out_.write(reinterpret_cast<const char*>(numbers.data()),
               static_cast<std::streamsize>(numbers.size_bytes()));
    return numbers.size_bytes();
  }
  template <class T>
  std::uint64_t write_one(T number) {
    return write(std::span<const T>(&number, 1));
  }
  void flush() {
    out_.flush();
    if (!out_) throw Error(path_.string() + ": could not be written; is the disk full?");
  }

 private:
  std::filesystem::path path_;
  std::ofstream out_;
};

class Writing {
 public:
  Writing(const text::TokenShards& shards, bool narrow, const MegatronPosition& position,
          const std::function<void(const MegatronPosition&)>& look_around)
      : shards_(shards),
        width_(narrow ? sizeof(std::uint16_t) : sizeof(text::TokenId)),
        at_(position),
        look_around_(look_around) {}

  void write_ids(const std::filesystem::path& path) {
    if (at_.part != Part::ids) return;
    NumberFile file(path, at_.bytes);
    std::vector<text::TokenId> ids;
    std::vector<std::uint16_t> narrowed;
    for (; at_.next < shards_.tokens(); at_.next += ids.size()) {
      pause(file);
      ids.resize(std::min(kTogether, shards_.tokens() - at_.next));
      shards_.read(at_.next, std::span(ids));
      if (width_ == sizeof(std::uint16_t)) {
        narrowed.assign(ids.begin(), ids.end());
        at_.bytes += file.write(std::span<const std::uint16_t>(narrowed));
      } else {
        at_.bytes += file.write(std::span<const text::TokenId>(ids));
      }
    }
    file.flush();
    next_part();
  }

  void write_index(const std::filesystem::path& path) {
    const std::uint64_t there = at_.bytes - shards_.tokens() * width_;
    NumberFile file(path, there);
    const std::uint64_t documents = shards_.documents();
    if (there == 0) {
      at_.bytes += file.write(std::span<const char>(kMagic));
      at_.bytes += file.write_one(std::uint64_t{1});
      at_.bytes += file.write_one(width_ == sizeof(std::uint16_t) ? kUint16 : kInt32);
      at_.bytes += file.write_one(documents);
      at_.bytes += file.write_one(documents + 1);
    }
    // Twice over the documents' ends, so that no list of them is in memory.
    write_numbers(file, Part::lengths, documents, [](std::uint64_t begin, std::uint64_t end) {
      if (end - begin > std::numeric_limits<std::int32_t>::max())
        throw Error("a document has " + std::to_string(end - begin) +
                    " tokens, more than the format can say. Cut it into several");
      return static_cast<std::int32_t>(end - begin);
    });
    write_numbers(file, Part::begins, documents,
                  [&](std::uint64_t begin, std::uint64_t) { return begin * width_; });
    for (; at_.next <= documents; ++at_.next) {
      if (at_.next % kTogether == 0) pause(file);
      at_.bytes += file.write_one(at_.next);
    }
    file.flush();
  }

 private:
  using Part = MegatronPosition::Part;

  void pause(NumberFile& file) {
    file.flush();
    look_around_(at_);
  }
  void next_part() {
    at_.part = static_cast<Part>(static_cast<int>(at_.part) + 1);
    at_.next = 0;
  }
  // One number for each document, of where it begins and ends.
  template <class Number>
  void write_numbers(NumberFile& file, Part part, std::uint64_t documents, Number number) {
    if (at_.part != part) return;
    std::uint64_t begin = at_.next == 0 ? 0 : shards_.document_end(at_.next - 1);
    for (; at_.next < documents; ++at_.next) {
      if (at_.next % kTogether == 0) pause(file);
      const std::uint64_t end = shards_.document_end(at_.next);
      at_.bytes += file.write_one(number(begin, end));
      begin = end;
    }
    next_part();
  }

  const text::TokenShards& shards_;
  const std::uint64_t width_;  // of an id, in bytes
  MegatronPosition at_;
  const std::function<void(const MegatronPosition&)>& look_around_;
};

}  // namespace

void write_megatron_files(const text::TokenShards& shards, bool narrow,
                          const std::filesystem::path& prefix, const MegatronPosition& position,
                          const std::function<void(const MegatronPosition&)>& look_around) {
  Writing writing(shards, narrow, position, look_around);
  writing.write_ids(prefix.string() + ".bin");
  writing.write_index(prefix.string() + ".idx");
}

}  // namespace lehr::plugins::tokenizer
