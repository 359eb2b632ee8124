#include "text/decoded_file.h"

#include <lehr/value.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace lehr::text {
namespace {

constexpr std::size_t kRawBytes = 64 << 10;

// Windows-1252, 0x80 to 0x9f; the five that it leaves open stay control characters, as browsers
// read them.
constexpr char16_t kWindows[32] = {0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                   0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d,   0x017d, 0x8f,
                                   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                   0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

// Stands for half a surrogate pair: a byte that UTF-8 never has, so that it is one mistake there.
constexpr char kHalfPair = '\xff';

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xc0 | c >> 6), put(0x80 | (c & 0x3f));
  if (c < 0x10000) return put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
  put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 0x3f)), put(0x80 | (c >> 6 & 0x3f));
  put(0x80 | (c & 0x3f));
}

}  // namespace

Encoding encoding_from_name(std::string_view name) {
  if (name == "utf-8") return Encoding::utf8;
  if (name == "utf-16") return Encoding::utf16;
  if (name == "latin-1") return Encoding::latin1;
  if (name == "windows-1252") return Encoding::windows1252;
  throw Error("the encoding '" + std::string(name) + "' is not known");
}

DecodedFile::DecodedFile(std::filesystem::path path, Encoding encoding, int threads)
    : file_(std::move(path)), encoding_(encoding) {
  file_.decompress_ahead(threads);
  begin();
}

void DecodedFile::begin() {
  raw_.resize(3);
  raw_.resize(file_.read(raw_.data(), 3));
  const bool little = raw_.starts_with("\xff\xfe"), big = raw_.starts_with("\xfe\xff");
  const bool utf8 = raw_.starts_with("\xef\xbb\xbf");
  if ((little || big) && encoding_ != Encoding::utf16)
    throw Error(path().string() +
                ":1: the file is UTF-16, as its byte order mark says; set encoding to 'utf-16'");
  if (utf8 && encoding_ != Encoding::utf8)
    throw Error(path().string() +
                ":1: the file is UTF-8, as its byte order mark says; set encoding to 'utf-8'");
  big_endian_ = big;
  if (little || big) raw_.erase(0, 2);
  if (utf8) raw_.clear();
  if (encoding_ == Encoding::utf8) ready_.swap(raw_);
}

// Decodes what is there and the next piece of the file; false at its end.
bool DecodedFile::decode_more() {
  const std::size_t kept = raw_.size();
  raw_.resize(kept + kRawBytes);
  raw_.resize(kept + file_.read(raw_.data() + kept, kRawBytes));
  const bool at_end = raw_.size() < kept + kRawBytes;
  ready_.clear();
  given_ = 0;
  if (encoding_ != Encoding::utf16) {
    for (const char c : raw_) {
      const auto byte = static_cast<unsigned char>(c);
      const bool windows = encoding_ == Encoding::windows1252 && byte >= 0x80 && byte < 0xa0;
      append_utf8(ready_, windows ? kWindows[byte - 0x80] : byte);
    }
    raw_.clear();
    return !ready_.empty();
  }
  std::size_t at = 0;
  for (; at + 2 <= raw_.size(); at += 2) {
    const auto a = static_cast<unsigned char>(raw_[at]),
               b = static_cast<unsigned char>(raw_[at + 1]);
    const std::uint32_t unit = big_endian_ ? a << 8 | b : b << 8 | a;
    const bool low = unit >= 0xdc00 && unit <= 0xdfff, high = unit >= 0xd800 && unit <= 0xdbff;
    if (surrogate_ != 0 && low) {
      append_utf8(ready_, 0x10000 + ((surrogate_ - 0xd800) << 10) + (unit - 0xdc00));
      surrogate_ = 0;
      continue;
    }
    if (surrogate_ != 0) ready_ += kHalfPair;
    surrogate_ = high ? unit : 0;
    if (low)
      ready_ += kHalfPair;
    else if (!high)
      append_utf8(ready_, unit);
  }
  raw_.erase(0, at);
  if (at_end && std::exchange(surrogate_, 0) != 0) ready_ += kHalfPair;
  if (at_end && !raw_.empty())
    throw Error(path().string() + ": ends in the middle of a UTF-16 character; it was truncated");
  return !ready_.empty();
}

std::size_t DecodedFile::read(char* out, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    if (given_ < ready_.size()) {
      const std::size_t n = std::min(size - done, ready_.size() - given_);
      std::memcpy(out + done, ready_.data() + given_, n);
      given_ += n;
      done += n;
    } else if (encoding_ == Encoding::utf8) {
      return done + file_.read(out + done, size - done);
    } else if (!decode_more()) {
      break;
    }
  }
  return done;
}

}  // namespace lehr::text
