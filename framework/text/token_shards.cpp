#include "text/token_shards.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <stdexcept>

#include <fcntl.h>
#include <lehr/value.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "text/whole_number.h"

namespace lehr::text {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kTokensJsonBytes = 1 << 16;  // what is longer is no tokens.json
static_assert(std::endian::native == std::endian::little, "shards are written as memory is");

// In blocks of a fixed length, of which gcc makes vectors (of std::max_element it does not): what
// exceeds the last id leaves a sign. size: at most 2^31.
template <class Id>
bool all_below(std::uint64_t size, std::span<const Id> ids) {
  const auto last = static_cast<std::uint32_t>(size - 1);
  std::uint32_t signs = size == 0 && !ids.empty() ? ~0u : 0;
  constexpr std::size_t kBlock = 64;
  std::size_t i = 0;
  for (; i + kBlock <= ids.size(); i += kBlock)
    for (std::size_t j = 0; j < kBlock; ++j) signs |= (last - ids[i + j]) | ids[i + j];
  for (; i < ids.size(); ++i) signs |= (last - ids[i]) | ids[i];
  return signs >> 31 == 0;
}

std::string shard_name(std::string_view split, std::size_t number, const char* extension) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "-%05zu.", number);
  return std::string(split) + digits + extension;
}

// A file read through the page cache; unmapped when the object goes.
class Mapping {
 public:
  explicit Mapping(const fs::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat facts {};
    if (fd < 0 || ::fstat(fd, &facts) != 0) {
      const int why = errno;
      if (fd >= 0) ::close(fd);
      throw Error("cannot read '" + path.string() + "': " + std::strerror(why));
    }
    size_ = static_cast<std::size_t>(facts.st_size);
    void* data = size_ == 0 ? nullptr : ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
    const int why = errno;
    ::close(fd);
    if (data == MAP_FAILED)
      throw Error("cannot map '" + path.string() + "': " + std::strerror(why));
    data_ = static_cast<const std::byte*>(data);
  }
  ~Mapping() {
    if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
  }
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&&) = delete;

  std::size_t size() const { return size_; }
  template <class T>
  T at(std::uint64_t index) const {
    T value;
    std::memcpy(&value, data_ + index * sizeof(T), sizeof(T));
    return value;
  }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

nlohmann::ordered_json totals_json(const SplitTotals& totals) {
  return {{"tokens", totals.tokens}, {"documents", totals.documents}, {"bytes", totals.bytes}};
}

SplitTotals read_totals(const nlohmann::json& json) {
  return {whole_number<std::uint64_t>(json.at("tokens")),
          whole_number<std::uint64_t>(json.at("documents")),
          whole_number<std::uint64_t>(json.at("bytes"))};
}

}  // namespace

bool fits_u16(std::size_t vocab_size) { return vocab_size <= 65536; }

struct TokenShardWriter::Impl {
  fs::path folder;
  std::string split;
  std::size_t vocab_size;
  std::uint64_t shard_tokens;

  SplitPosition at;
  std::ofstream bin, idx;
  std::vector<std::uint16_t> narrow;
  std::vector<std::uint64_t> shard_ends;

  template <class Id>
  void write(std::span<const Id> ids);
  void open() {
    open(bin, "bin", at.tokens * (fits_u16(vocab_size) ? 2 : 4));
    open(idx, "idx", at.documents * sizeof(std::uint64_t));
  }
  // A file of the shard, with the first `length` bytes of what is there.
  void open(std::ofstream& file, const char* extension, std::uint64_t length) {
    const fs::path path = folder / shard_name(split, at.shard, extension);
    if (length > 0 && fs::file_size(path) < length)
      throw Error(path.string() + ": is shorter than when its writing stopped");
    if (length > 0) fs::resize_file(path, length);
    file.open(path, std::ios::binary | (length > 0 ? std::ios::app : std::ios::trunc));
    check();
  }
  void close() {
    bin.close();
    idx.close();
    check();
    ++at.shard;
    at.tokens = at.documents = 0;
  }
  void check() const {
    if (!bin || !idx)
      throw Error("cannot write token shards into '" + folder.string() + "'. Is the disk full?");
  }
};

TokenShardWriter::TokenShardWriter(fs::path folder, std::string split, std::size_t vocab_size,
                                   std::uint64_t shard_tokens, const SplitPosition& position)
    : impl_(std::make_unique<Impl>()) {
  impl_->folder = std::move(folder);
  impl_->split = std::move(split);
  impl_->vocab_size = vocab_size;
  impl_->shard_tokens = shard_tokens;
  impl_->at = position;
  if (position.documents > 0) impl_->open();
}
TokenShardWriter::~TokenShardWriter() = default;

template <class Id>
void TokenShardWriter::Impl::write(std::span<const Id> ids) {
  if (sizeof(Id) == 4 && fits_u16(vocab_size)) {
    narrow.assign(ids.begin(), ids.end());
    write(std::span<const std::uint16_t>(narrow));
  } else {
    bin.write(reinterpret_cast<const char*>(ids.data()),
              static_cast<std::streamsize>(ids.size_bytes()));
  }
}

void TokenShardWriter::add(std::span<const TokenId> ids, std::uint64_t text_bytes) {
  const std::size_t end = ids.size();
  add(ids, std::span(&end, 1), text_bytes);
}

template <class Id>
void TokenShardWriter::add(std::span<const Id> ids, std::span<const std::size_t> ends,
                           std::uint64_t text_bytes) {
  Impl& to = *impl_;
  if (sizeof(Id) == 2 && !fits_u16(to.vocab_size))
    throw std::logic_error("a shard of 32-bit ids was given ids of 16 bits");
  if (!all_below(to.vocab_size, ids))
    throw std::out_of_range("token id " +
                            std::to_string(*std::max_element(ids.begin(), ids.end())) +
                            " is not in a vocabulary of " + std::to_string(to.vocab_size));
  std::size_t begin = 0;
  while (!ends.empty()) {
    if (!to.bin.is_open()) to.open();
    // The documents that go into this shard: up to the one that fills it.
    const std::uint64_t room = to.shard_tokens - to.at.tokens;
    auto last = std::lower_bound(ends.begin(), ends.end(), begin + room);
    if (last == ends.end()) --last;
    const auto documents = static_cast<std::size_t>(last - ends.begin()) + 1;
    to.write(ids.subspan(begin, *last - begin));
    to.shard_ends.clear();
    for (const std::size_t end : ends.first(documents))
      to.shard_ends.push_back(to.at.tokens + end - begin);
    to.idx.write(reinterpret_cast<const char*>(to.shard_ends.data()),
                 static_cast<std::streamsize>(documents * sizeof(std::uint64_t)));
    to.at.tokens = to.shard_ends.back();
    to.at.documents += documents;
    to.at.totals.documents += documents;
    begin = *last;
    ends = ends.subspan(documents);
    if (to.at.tokens >= to.shard_tokens) to.close();
  }
  to.at.totals.tokens += begin;
  to.at.totals.bytes += text_bytes;
}
template void TokenShardWriter::add(std::span<const std::uint16_t>, std::span<const std::size_t>,
                                    std::uint64_t);
template void TokenShardWriter::add(std::span<const TokenId>, std::span<const std::size_t>,
                                    std::uint64_t);

const SplitPosition& TokenShardWriter::position() {
  impl_->bin.flush();
  impl_->idx.flush();
  impl_->check();
  return impl_->at;
}

SplitTotals TokenShardWriter::finish() {
  if (impl_->bin.is_open()) impl_->close();
  return impl_->at.totals;
}

void write_tokens_json(const fs::path& folder, std::size_t vocab_size, const SplitTotals& train,
                       const SplitTotals& eval) {
  const nlohmann::ordered_json json = {
      {"dtype", fits_u16(vocab_size) ? "u16" : "u32"},
      {"vocab_size", vocab_size},
      {"tokens", train.tokens + eval.tokens},
      {"documents", train.documents + eval.documents},
      {"splits", {{"train", totals_json(train)}, {"eval", totals_json(eval)}}}};
  std::ofstream file(folder / "tokens.json", std::ios::trunc);
  file << json.dump(1) << "\n";
  file.close();
  if (!file) throw Error("cannot write '" + (folder / "tokens.json").string() + "'");
}

TokensInfo read_tokens_json(const fs::path& folder) {
  const fs::path path = folder / "tokens.json";
  std::ifstream file(path);
  if (!file) throw Error("cannot read '" + path.string() + "'");
  std::string text(kTokensJsonBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  try {
    const auto json = parse_json<nlohmann::json>(text);
    TokensInfo info;
    info.vocab_size = whole_number<std::size_t>(json.at("vocab_size"));
    info.train = read_totals(json.at("splits").at("train"));
    info.eval = read_totals(json.at("splits").at("eval"));
    if (json.at("dtype") != (fits_u16(info.vocab_size) ? "u16" : "u32"))
      throw Error("'" + path.string() + "': dtype does not fit vocab_size");
    return info;
  } catch (const nlohmann::json::exception& e) {
    throw Error("'" + path.string() + "': " + e.what());
  } catch (const JsonError& e) {
    throw Error("'" + path.string() + "': " + e.what());
  }
}

struct TokenShards::Impl {
  struct Shard {
    Mapping bin, idx;
    std::uint64_t first_token, first_document;
    std::uint64_t tokens, documents;
  };
  bool narrow = true;
  std::vector<Shard> shards;
  std::uint64_t tokens = 0, documents = 0;

  // One past the last token of the shard's document, in the shard.
  static std::uint64_t end_in(const Shard& shard, std::uint64_t document) {
    const std::uint64_t begin = document == 0 ? 0 : shard.idx.at<std::uint64_t>(document - 1);
    const std::uint64_t end = shard.idx.at<std::uint64_t>(document);
    if (end < begin || end > shard.tokens)
      throw Error("a token shard is damaged: document " +
                  std::to_string(shard.first_document + document) + " ends at " +
                  std::to_string(end) + ", the one before it at " + std::to_string(begin) +
                  ", of " + std::to_string(shard.tokens) + " tokens");
    return end;
  }

  // The shard whose [first, first + count) holds `index`.
  const Shard& holding(std::uint64_t index, std::uint64_t Shard::*first) const {
    const auto after =
        std::upper_bound(shards.begin(), shards.end(), index,
                         [&](std::uint64_t i, const Shard& s) { return i < s.*first; });
    return *std::prev(after);
  }

  template <class T>
  void read(std::uint64_t begin, std::span<T> out) const {
    if (begin > tokens || out.size() > tokens - begin)
      throw std::out_of_range("tokens " + std::to_string(begin) + " to " +
                              std::to_string(begin + out.size()) + " of " + std::to_string(tokens));
    while (!out.empty()) {
      const Shard& shard = holding(begin, &Shard::first_token);
      const std::uint64_t at = begin - shard.first_token;
      const auto count =
          static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), shard.tokens - at));
      for (std::size_t i = 0; i < count; ++i)
        out[i] = narrow ? static_cast<T>(shard.bin.at<std::uint16_t>(at + i))
                        : static_cast<T>(shard.bin.at<std::uint32_t>(at + i));
      begin += count;
      out = out.subspan(count);
    }
  }
};

TokenShards::TokenShards(const fs::path& folder, std::string_view split)
    : impl_(std::make_unique<Impl>()) {
  impl_->narrow = fits_u16(read_tokens_json(folder).vocab_size);
  const std::size_t width = impl_->narrow ? 2 : 4;
  for (std::size_t n = 0; fs::exists(folder / shard_name(split, n, "bin")); ++n) {
    const fs::path path = folder / shard_name(split, n, "bin");
    Impl::Shard shard{Mapping(path),
                      Mapping(folder / shard_name(split, n, "idx")),
                      impl_->tokens,
                      impl_->documents,
                      0,
                      0};
    shard.tokens = shard.bin.size() / width;
    shard.documents = shard.idx.size() / sizeof(std::uint64_t);
    const std::uint64_t end =
        shard.documents == 0 ? 0 : shard.idx.at<std::uint64_t>(shard.documents - 1);
    if (end == 0 || end != shard.tokens || shard.bin.size() % width != 0 ||
        shard.idx.size() % sizeof(std::uint64_t) != 0)
      throw Error("'" + path.string() + "': its size does not fit its index");
    impl_->tokens += shard.tokens;
    impl_->documents += shard.documents;
    impl_->shards.push_back(std::move(shard));
  }
}
TokenShards::~TokenShards() = default;
TokenShards::TokenShards(TokenShards&&) noexcept = default;
TokenShards& TokenShards::operator=(TokenShards&&) noexcept = default;

std::uint64_t TokenShards::tokens() const { return impl_->tokens; }
std::uint64_t TokenShards::documents() const { return impl_->documents; }

std::uint64_t TokenShards::document_end(std::uint64_t index) const {
  if (index >= impl_->documents)
    throw std::out_of_range("document " + std::to_string(index) + " of " +
                            std::to_string(impl_->documents));
  const auto& shard = impl_->holding(index, &Impl::Shard::first_document);
  return shard.first_token + Impl::end_in(shard, index - shard.first_document);
}

std::uint64_t TokenShards::document_of(std::uint64_t position) const {
  if (position >= impl_->tokens)
    throw std::out_of_range("token " + std::to_string(position) + " of " +
                            std::to_string(impl_->tokens));
  const auto& shard = impl_->holding(position, &Impl::Shard::first_token);
  std::uint64_t low = 0, high = shard.documents - 1;  // the first document that ends after position
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (shard.first_token + shard.idx.at<std::uint64_t>(middle) > position)
      high = middle;
    else
      low = middle + 1;
  }
  return shard.first_document + low;
}

void TokenShards::read(std::uint64_t begin, std::span<TokenId> out) const {
  impl_->read(begin, out);
}
void TokenShards::read(std::uint64_t begin, std::span<std::int64_t> out) const {
  impl_->read(begin, out);
}

}  // namespace lehr::text
