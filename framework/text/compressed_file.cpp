#include "text/compressed_file.h"

#include <fcntl.h>
#include <lehr/value.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "text/frames_ahead.h"

namespace lehr::text {
namespace {

constexpr std::size_t kInputBytes = 256 << 10;
constexpr std::size_t kFrameBytes = 32 << 20;  // longer frames are not decompressed ahead
constexpr std::size_t kFrameHeadBytes = 18;    // at most

enum class Form { plain, gzip, zstd };

// zstd files may begin with a skippable frame: 50..5f 2a 4d 18.
Form form_of(std::string_view head) {
  if (head.substr(0, 2) == "\x1f\x8b") return Form::gzip;
  if (head.substr(0, 4) == "\x28\xb5\x2f\xfd") return Form::zstd;
  if (head.size() >= 4 && (head[0] & 0xf0) == 0x50 && head.substr(1, 3) == "\x2a\x4d\x18")
    return Form::zstd;
  return Form::plain;
}

}  // namespace

struct CompressedFile::State {
  std::filesystem::path path;
  int file = -1;
  std::size_t capacity = kInputBytes;  // not cleared: small files come by the thousand
  std::unique_ptr<char[]> input = std::make_unique_for_overwrite<char[]>(capacity);
  std::size_t begin = 0, end = 0;  // unread part of `input`
  std::uint64_t consumed = 0;
  bool at_end = false;
  Form form = Form::plain;
  bool inside = false;  // in the middle of a member or frame
  z_stream gzip{};
  ZSTD_DStream* zstd = nullptr;
  std::size_t most_ahead = 0;  // frames
  FramesAhead ahead;
  bool streams = false;  // the next frame is none for `ahead`

  ~State() {
    if (form == Form::gzip) inflateEnd(&gzip);
    ZSTD_freeDStream(zstd);
    if (file >= 0) ::close(file);
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(path.string() + ": " + what);
  }

  // Adds what the file gives at once to the input; false at its end.
  bool read_more() {
    ssize_t n;
    do n = ::read(file, input.get() + end, capacity - end);
    while (n < 0 && errno == EINTR);
    if (n < 0) fail(std::string("cannot be read: ") + std::strerror(errno));
    end += static_cast<std::size_t>(n);
    at_end = n == 0;
    return n > 0;
  }

  void grow() {
    auto wider = std::make_unique_for_overwrite<char[]>(capacity *= 2);
    std::memcpy(wider.get(), input.get(), end);
    input = std::move(wider);
  }

  // Makes at least one byte of input available; false at the end of the file.
  bool fill() {
    if (begin < end) return true;
    if (at_end) return false;
    begin = end = 0;
    return read_more();
  }

  std::size_t read_plain(char* out, std::size_t size) {
    const std::size_t n = std::min(size, end - begin);
    std::memcpy(out, input.get() + begin, n);
    take(n);
    return n;
  }

  std::size_t read_gzip(char* out, std::size_t size) {
    if (!inside) {
      // Files from tapes and block devices are filled up with zeros, with which no member begins.
      while (consumed > 0 && begin < end && input[begin] == 0) take(1);
      if (begin == end) return 0;
      inflateReset(&gzip);
    }
    inside = true;
    const std::size_t given = end - begin, wanted = std::min<std::size_t>(size, 1u << 30);
    gzip.next_in = reinterpret_cast<Bytef*>(input.get() + begin);
    gzip.avail_in = static_cast<uInt>(given);
    gzip.next_out = reinterpret_cast<Bytef*>(out);
    gzip.avail_out = static_cast<uInt>(wanted);
    const int status = inflate(&gzip, Z_NO_FLUSH);
    take(given - gzip.avail_in);
    if (status == Z_STREAM_END)
      inside = false;
    else if (status != Z_OK && status != Z_BUF_ERROR)
      fail("damaged gzip data near byte " + std::to_string(consumed));
    return wanted - gzip.avail_out;
  }

  // The frame that the input begins with, once all of it is there, and its decompressed size;
  // empty if it is one to be streamed: long, of unknown size, cut short, or no frame.
  std::string_view whole_frame(unsigned long long& size) {
    for (;;) {
      const std::string_view there(input.get() + begin, end - begin);
      if (there.size() >= kFrameHeadBytes || at_end) {
        size = ZSTD_getFrameContentSize(there.data(), there.size());
        if (size > kFrameBytes) return {};  // so are the numbers for "unknown" and "error"
        const std::size_t n = ZSTD_findFrameCompressedSize(there.data(), there.size());
        if (!ZSTD_isError(n)) return there.substr(0, n);
        if (at_end || there.size() >= kFrameBytes) return {};
      }
      std::memmove(input.get(), there.data(), there.size());
      begin = 0;
      end = there.size();
      if (end == capacity) grow();
      read_more();
    }
  }

  void look_ahead() {
    while (!streams && ahead.frames() < most_ahead && fill()) {
      unsigned long long size = 0;
      const std::string_view frame = whole_frame(size);
      streams = frame.empty();
      if (streams) break;
      ahead.add(frame, size);
      begin += frame.size();
    }
  }

  std::size_t read_zstd(char* out, std::size_t size) {
    if (!inside) look_ahead();
    if (ahead.frames() > 0) {
      const char* error = nullptr;
      const std::size_t n = ahead.read(out, size, error);
      consumed += ahead.take_consumed();
      if (error != nullptr)
        fail("damaged zstd data near byte " + std::to_string(consumed) + ": " + error);
      return n;
    }
    streams = false;
    ZSTD_inBuffer in{input.get() + begin, end - begin, 0};
    ZSTD_outBuffer decompressed{out, size, 0};
    const std::size_t status = ZSTD_decompressStream(zstd, &decompressed, &in);
    if (ZSTD_isError(status))
      fail("damaged zstd data near byte " + std::to_string(consumed) + ": " +
           ZSTD_getErrorName(status));
    inside = status != 0;
    take(in.pos);
    return decompressed.pos;
  }

  void take(std::size_t n) {
    begin += n;
    consumed += n;
  }
};

CompressedFile::CompressedFile(std::filesystem::path path) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.path = std::move(path);
  s.file = ::open(s.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (s.file < 0) s.fail(std::string("cannot be opened: ") + std::strerror(errno));
  if (!s.fill()) return;
  while (s.end < 4 && s.read_more()) {  // a pipe may give less at once
  }
  s.form = form_of({s.input.get(), s.end});
  if (s.form == Form::gzip && inflateInit2(&s.gzip, 15 + 16) != Z_OK) {
    s.form = Form::plain;  // nothing to free
    s.fail("zlib could not be set up");
  }
  if (s.form == Form::zstd) {
    s.zstd = ZSTD_createDStream();
    if (s.zstd == nullptr) s.fail("zstd could not be set up");
    ZSTD_DCtx_setParameter(s.zstd, ZSTD_d_windowLogMax, 31);  // files written with --long
  }
}

CompressedFile::~CompressedFile() = default;
CompressedFile::CompressedFile(CompressedFile&&) noexcept = default;
CompressedFile& CompressedFile::operator=(CompressedFile&&) noexcept = default;

std::size_t CompressedFile::read(char* out, std::size_t size) {
  State& s = *state_;
  std::size_t done = 0;
  while (done < size) {
    // A decoder may still hold bytes when the input is used up, so it is asked once more.
    const bool more = s.ahead.frames() > 0 || s.fill();
    if (!more && !s.inside) break;
    std::size_t n = 0;
    switch (s.form) {
      case Form::plain:
        n = s.read_plain(out + done, size - done);
        break;
      case Form::gzip:
        n = s.read_gzip(out + done, size - done);
        break;
      case Form::zstd:
        n = s.read_zstd(out + done, size - done);
        break;
    }
    if (n == 0 && !more)
      s.fail("ends in the middle of its compressed data; it was truncated or is still written");
    done += n;
  }
  return done;
}

void CompressedFile::decompress_ahead(int threads) {
  state_->most_ahead = threads > 1 ? static_cast<std::size_t>(threads) : 0;
}

std::uint64_t CompressedFile::position() const { return state_->consumed; }
const std::filesystem::path& CompressedFile::path() const { return state_->path; }

struct FrameCompressor::State {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  std::string frame;
  ~State() { ZSTD_freeCCtx(context); }
};

FrameCompressor::FrameCompressor() : state_(std::make_unique<State>()) {
  if (state_->context == nullptr) throw Error("zstd could not be set up");
  ZSTD_CCtx_setParameter(state_->context, ZSTD_c_compressionLevel, 1);
  ZSTD_CCtx_setParameter(state_->context, ZSTD_c_checksumFlag, 1);
}

FrameCompressor::~FrameCompressor() = default;
FrameCompressor::FrameCompressor(FrameCompressor&&) noexcept = default;

std::string_view FrameCompressor::compress(std::string_view bytes) {
  State& s = *state_;
  if (const std::size_t bound = ZSTD_compressBound(bytes.size()); s.frame.size() < bound)
    s.frame.resize(bound);
  const std::size_t size =
      ZSTD_compress2(s.context, s.frame.data(), s.frame.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size))
    throw Error(std::string("zstd could not compress: ") + ZSTD_getErrorName(size));
  return {s.frame.data(), size};
}

}  // namespace lehr::text
