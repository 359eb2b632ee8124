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
  explicit NumberFile(std::filesystem::path path)
      : path_(std::move(path)), out_(path_, std::ios::binary | std::ios::trunc) {}
  template <class T>
  void write(std::span<const T> numbers) {
    out_.write(reinterpret_cast<const char*>(numbers.data()),
               static_cast<std::streamsize>(numbers.size_bytes()));
  }
  template <class T>
  void write_one(T number) {
    write(std::span<const T>(&number, 1));
  }
  void close() {
    out_.close();
    if (!out_) throw Error(path_.string() + ": could not be written; is the disk full?");
  }

 private:
  std::filesystem::path path_;
  std::ofstream out_;
};

void write_ids(const text::TokenShards& shards, bool narrow, const std::filesystem::path& path,
               const std::function<void(std::uint64_t)>& look_around) {
  NumberFile file(path);
  std::vector<text::TokenId> ids;
  std::vector<std::uint16_t> narrowed;
  for (std::uint64_t done = 0; done < shards.tokens(); done += ids.size()) {
    look_around(done);
    ids.resize(std::min(kTogether, shards.tokens() - done));
    shards.read(done, std::span(ids));
    if (narrow) {
      narrowed.assign(ids.begin(), ids.end());
      file.write(std::span<const std::uint16_t>(narrowed));
    } else {
      file.write(std::span<const text::TokenId>(ids));
    }
  }
  file.close();
}

void write_index(const text::TokenShards& shards, bool narrow, const std::filesystem::path& path,
                 const std::function<void(std::uint64_t)>& look_around) {
  NumberFile file(path);
  const std::uint64_t documents = shards.documents();
  // Twice over the documents' ends, so that no list of them is in memory.
  const auto for_each_document = [&](auto visit) {
    std::uint64_t begin = 0;
    for (std::uint64_t i = 0; i < documents; ++i) {
      if (i % kTogether == 0) look_around(shards.tokens());
      const std::uint64_t end = shards.document_end(i);
      visit(begin, end);
      begin = end;
    }
  };
  file.write(std::span<const char>(kMagic));
  file.write_one(std::uint64_t{1});
  file.write_one(narrow ? kUint16 : kInt32);
  file.write_one(documents);
  file.write_one(documents + 1);
  for_each_document([&](std::uint64_t begin, std::uint64_t end) {
    if (end - begin > std::numeric_limits<std::int32_t>::max())
      throw Error("a document has " + std::to_string(end - begin) +
                  " tokens, more than the format can say. Cut it into several");
    file.write_one(static_cast<std::int32_t>(end - begin));
  });
  const std::uint64_t width = narrow ? sizeof(std::uint16_t) : sizeof(text::TokenId);
  for_each_document([&](std::uint64_t begin, std::uint64_t) { file.write_one(begin * width); });
  for (std::uint64_t mark = 0; mark <= documents; ++mark) file.write_one(mark);
  file.close();
}

}  // namespace

void write_megatron_files(const text::TokenShards& shards, bool narrow,
                          const std::filesystem::path& prefix,
                          const std::function<void(std::uint64_t)>& look_around) {
  write_ids(shards, narrow, prefix.string() + ".bin", look_around);
  write_index(shards, narrow, prefix.string() + ".idx", look_around);
}

}  // namespace lehr::plugins::tokenizer
