// Where the documents of one source stand in a mix, and which of them go in once more when an epoch
// is not whole. Every choice is a keyed hash of the document's number, so it needs no memory and
// does not depend on threads or on other sources.
//
// A place is a number of 64 bits; the mix is all documents sorted by their places. A source is
// spread evenly over the whole mix, and its epochs follow one another: a document that comes twice
// comes once in each half.
#pragma once

#include <array>
#include <cstdint>
#include <iosfwd>
#include <string_view>
#include <vector>

namespace lehr::plugins::mix {

class Placing {
 public:
  // source: its name, which with the seed decides.
  Placing(std::uint64_t seed, std::string_view source, bool shuffle);

  // First pass, once for each document in order. size: in tokens or bytes.
  void count(std::uint64_t size);
  std::uint64_t size() const { return size_; }
  std::uint64_t documents() const { return documents_; }

  // Between the passes: how much of the source the mix takes.
  void take(std::uint64_t amount);
  double epochs() const;

  // What the first pass has counted, in a form that lasts. Reading throws Error if it is not whole.
  void write_counts(std::ostream& out) const;
  void read_counts(std::istream& in);
  // Where the second pass is.
  struct Cursor {
    std::uint64_t document = 0, before = 0;
  };
  Cursor cursor() const { return {next_, before_}; }
  void go_to(Cursor cursor) { next_ = cursor.document, before_ = cursor.before; }

  // Second pass, once for each document in order: its places, one for each time that it goes in.
  const std::vector<std::uint64_t>& places(std::uint64_t size);

 private:
  static constexpr std::size_t kBins = 1 << 16;
  std::uint64_t hash(std::uint64_t document, std::uint64_t epoch) const;
  std::size_t bin_of(std::uint64_t document) const;

  std::uint64_t key_;
  bool shuffle_;
  std::vector<std::uint64_t> bins_;  // sizes of the documents by the hash that chooses among them
  std::uint64_t size_ = 0, documents_ = 0;
  std::uint64_t amount_ = 0, whole_epochs_ = 0;
  std::size_t chosen_bins_ = 0;          // those before go in once more
  std::uint64_t next_ = 0, before_ = 0;  // second pass: number of the document, sizes before it
  std::vector<std::uint64_t> places_;
};

}  // namespace lehr::plugins::mix
