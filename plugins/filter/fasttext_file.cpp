#include "fasttext_file.h"

#include <lehr/value.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace lehr::plugins::filter {
namespace {

constexpr std::int32_t kMagic = 793712314, kNewest = 12, kWithoutSubwords = 11;
constexpr std::int32_t kHierarchical = 1, kLastLoss = 4, kSupervised = 3;
constexpr std::int64_t kCentroids = 256, kMostRows = std::numeric_limits<std::int32_t>::max();
constexpr std::int32_t kLongestNgram = 100;  // in practice 6 characters, 5 words
// Larger ones could add up to infinity, and from there to numbers that fastText takes for places.
constexpr float kLargestNumber = 1e6f;
constexpr std::int64_t kMostCounts = 1'000'000'000'000'000;  // what fastText takes for infinite

[[noreturn]] void refuse(const std::string& why) { throw Error(why); }
void need(bool holds, const char* why) {
  if (!holds) refuse(why);
}

class Fields {
 public:
  Fields(std::istream& in, std::uint64_t bytes) : in_(in), left_(bytes) {}

  template <class T>
  T next() {
    T value;
    read(&value, sizeof value);
    return value;
  }
  bool next_flag() {
    const auto byte = next<std::uint8_t>();
    if (byte > 1) refuse("a flag is " + std::to_string(byte));
    return byte == 1;
  }
  // Whether so many of `size` bytes are there.
  void need_room(std::int64_t count, std::uint64_t size) const {
    need(count >= 0 && static_cast<std::uint64_t>(count) <= left_ / size, "it ends too early");
  }
  void skip(std::int64_t bytes) {
    need_room(bytes, 1);
    in_.seekg(bytes, std::ios::cur);
    left_ -= static_cast<std::uint64_t>(bytes);
  }
  void skip_numbers(std::int64_t count) {
    need_room(count, sizeof(float));
    for (std::array<float, 4096> some; count > 0;) {
      const auto now = std::min<std::int64_t>(count, some.size());
      read(some.data(), static_cast<std::uint64_t>(now) * sizeof(float));
      for (std::int64_t i = 0; i < now; ++i)
        need(std::abs(some[static_cast<std::size_t>(i)]) <= kLargestNumber,
             "a number of its matrices is not finite, or beyond a million");
      count -= now;
    }
  }

 private:
  void read(void* to, std::uint64_t size) {
    need(size <= left_, "it ends too early");
    in_.read(static_cast<char*>(to), static_cast<std::streamsize>(size));
    need(!in_.fail(), "it cannot be read");
    left_ -= size;
  }

  std::istream& in_;
  std::uint64_t left_;
};

struct Arguments {
  std::int32_t dim, word_ngrams, loss, bucket, longest_subword;
  bool hashes() const { return longest_subword > 0 || word_ngrams > 1; }
};

Arguments read_arguments(Fields& in) {
  need(in.next<std::int32_t>() == kMagic, "it does not begin as one");
  const auto version = in.next<std::int32_t>();
  if (version > kNewest) refuse("it is of version " + std::to_string(version));
  std::array<std::int32_t, 12> all;
  for (auto& argument : all) argument = in.next<std::int32_t>();
  in.next<double>();
  const auto [dim, ws, epoch, min_count, neg, word_ngrams, loss, model, bucket, minn, maxn, rate] =
      all;
  need(model == kSupervised, "it has no labels");
  const auto in_range = [](const char* name, std::int32_t value, std::int64_t low,
                           std::int64_t high) {
    if (value < low || value > high)
      refuse(std::string(name) + " is " + std::to_string(value) + ", not " + std::to_string(low) +
             " to " + std::to_string(high));
  };
  in_range("dim", dim, 1, kMostRows / kCentroids);
  in_range("wordNgrams", word_ngrams, 0, kLongestNgram);
  in_range("loss", loss, kHierarchical, kLastLoss);
  in_range("minn", minn, 0, kLongestNgram);
  in_range("maxn", maxn, 0, kLongestNgram);
  Arguments out{dim, word_ngrams, loss, bucket, version == kWithoutSubwords ? 0 : maxn};
  if (out.hashes()) in_range("bucket", bucket, 1, kMostRows);
  return out;
}

// What the tree over the labels is made from.
class LabelCounts {
 public:
  void add(std::int64_t count) {
    need(count >= 1 && count <= last_ && count <= kMostCounts - sum_,
         "its labels are not in the order of how often they come");
    sum_ += last_ = count;
  }

 private:
  std::int64_t last_ = kMostCounts, sum_ = 0;
};

struct Dictionary {
  std::int32_t words, labels;
  std::int64_t rows;  // that its words and what goes by hash need
};

Dictionary read_dictionary(Fields& in, const Arguments& arguments) {
  const std::int64_t entries = in.next<std::int32_t>();
  Dictionary out{in.next<std::int32_t>(), in.next<std::int32_t>(), 0};
  if (out.words < 0 || out.labels < 1 || entries != std::int64_t{out.words} + out.labels)
    refuse("it has " + std::to_string(entries) + " entries, of which " + std::to_string(out.words) +
           " are words and " + std::to_string(out.labels) + " labels");
  in.next<std::int64_t>();
  const auto moved = in.next<std::int64_t>();
  LabelCounts counts;
  for (std::int64_t i = 0; i < entries; ++i) {
    while (in.next<char>() != 0) continue;
    const auto count = in.next<std::int64_t>();
    const bool label = i >= out.words;
    need(in.next<std::int8_t>() == (label ? 1 : 0), "its words do not stand before its labels");
    if (label && arguments.loss == kHierarchical) counts.add(count);
  }
  std::int64_t hashed = moved < 0 && arguments.hashes() ? arguments.bucket : 0;
  if (moved > 0) in.need_room(moved, 2 * sizeof(std::int32_t));
  for (std::int64_t i = 0; i < moved; ++i) {
    in.next<std::int32_t>();
    const auto row = in.next<std::int32_t>();
    need(row >= 0, "a row of its pruned matrix is less than none");
    hashed = std::max<std::int64_t>(hashed, std::int64_t{row} + 1);
  }
  out.rows = out.words + hashed;
  return out;
}

// columns: of what it stands for.
void skip_quantizer(Fields& in, std::int64_t columns, std::int32_t& parts) {
  const auto dim = in.next<std::int32_t>();
  parts = in.next<std::int32_t>();
  const auto size = in.next<std::int32_t>(), last = in.next<std::int32_t>();
  need(dim == columns && parts >= 1 && size >= 1 && last >= 1 && last <= size &&
           (std::int64_t{parts} - 1) * size + last == dim,
       "the parts of a quantized matrix do not add up to its columns");
  in.skip_numbers(columns * kCentroids);
}

std::int64_t skip_matrix(Fields& in, bool quantized, std::int64_t columns) {
  const bool norms = quantized && in.next_flag();
  const auto rows = in.next<std::int64_t>(), across = in.next<std::int64_t>();
  if (across != columns)
    refuse("a matrix has " + std::to_string(across) + " columns, not " + std::to_string(columns));
  need(rows >= 0 && rows <= kMostRows, "a matrix has too many rows");
  if (!quantized) {
    in.skip_numbers(rows * columns);
    return rows;
  }
  const auto codes = in.next<std::int32_t>();
  in.skip(codes);
  std::int32_t parts;
  skip_quantizer(in, columns, parts);
  need(codes == rows * parts, "a quantized matrix has not a code for each part of a row");
  if (!norms) return rows;
  in.skip(rows);
  skip_quantizer(in, 1, parts);
  return rows;
}

}  // namespace

void check_fasttext_file(std::istream& stream, std::uint64_t bytes) {
  Fields in(stream, bytes);
  const Arguments arguments = read_arguments(in);
  const Dictionary dictionary = read_dictionary(in, arguments);
  const bool quantized = in.next_flag();
  if (skip_matrix(in, quantized, arguments.dim) < dictionary.rows)
    refuse("its matrix has fewer rows than its words and buckets");
  if (skip_matrix(in, in.next_flag() && quantized, arguments.dim) != dictionary.labels)
    refuse("its second matrix does not have a row for each label");
}

}  // namespace lehr::plugins::filter
