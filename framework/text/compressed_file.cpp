#include "text/compressed_file.h"

#include <fcntl.h>
#include <lehr/value.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <utility>

#include "text/frames_ahead.h"

namespace lehr::text {
namespace {

constexpr std::size_t kInputBytes = 256 << 10;
constexpr std::size_t kLongFrameBytes = 32 << 20;  // longer ones are not decompressed ahead
constexpr std::size_t kFrameHeadBytes = 18;        // at most
constexpr std::size_t kTaskBytes = 1 << 20;        // of frames that a thread decompresses at once
constexpr std::size_t kAheadBytes = 8 << 20;       // for each thread

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
  int threads = 1;
  FramesAhead ahead;
  bool streams = false;     // the next frame is none for `ahead`
  std::uint64_t given = 0;  // decompressed bytes of a zstd file that read() gave
  std::size_t waiting = 0;  // of those, what `ahead` holds behind them
  bool keeps_frames = false;
  std::deque<CompressedFrame> kept;

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
        if (size > kLongFrameBytes) return {};  // so are the numbers for "unknown" and "error"
        const std::size_t n = ZSTD_findFrameCompressedSize(there.data(), there.size());
        if (!ZSTD_isError(n)) return there.substr(0, n);
        if (at_end || there.size() >= kLongFrameBytes) return {};
      }
      std::memmove(input.get(), there.data(), there.size());
      begin = 0;
      end = there.size();
      if (end == capacity) grow();
      read_more();
    }
  }

  // One thread has nobody to be ahead of it: the next frame, once all before it is given.
  void look_ahead() {
    const auto share = static_cast<std::size_t>(threads);
    const std::size_t bytes = threads > 1 ? share * kAheadBytes : 1;
    const std::size_t tasks = threads > 1 ? share * (kAheadBytes / kTaskBytes) : 1;
    while (!streams && waiting < bytes && ahead.tasks() < tasks && fill()) add_task();
  }

  // As many of the next frames as are worth a task, up to one to be streamed.
  void add_task() {
    const std::size_t enough = threads > 1 ? kTaskBytes : 1;
    std::size_t held = 0, taken = 0;
    while (held < enough && taken < kTaskBytes && fill()) {
      unsigned long long size = 0;
      const std::string_view frame = whole_frame(size);
      streams = frame.empty();
      if (streams) break;
      const std::uint64_t at = given + waiting;
      const auto read = ahead.add(frame, size);
      if (keeps_frames && size > 0)
        kept.push_back({at, at + size, read, read->size() - frame.size(), frame.size()});
      waiting += size;
      held += size;
      taken += frame.size();
      begin += frame.size();
    }
    if (taken > 0) ahead.end_task(threads > 1);
  }

  std::size_t read_zstd(char* out, std::size_t size) {
    if (!inside) look_ahead();
    const std::size_t n = ahead.tasks() > 0 ? read_ahead(out, size) : read_stream(out, size);
    given += n;
    return n;
  }

  std::size_t read_ahead(char* out, std::size_t size) {
    const char* error = nullptr;
    const std::size_t n = ahead.read(out, size, error);
    consumed += ahead.take_consumed();
    if (error != nullptr)
      fail("damaged zstd data near byte " + std::to_string(consumed) + ": " + error);
    waiting -= n;
    return n;
  }

  std::size_t read_stream(char* out, std::size_t size) {
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
  const std::filesystem::path ending = s.path.extension();
  if (s.form == Form::plain && (ending == ".gz" || ending == ".zst"))
    s.fail("begins with other bytes than a " + ending.string() +
           " file: it is damaged, or not compressed and named wrongly");
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
    const bool more = s.ahead.tasks() > 0 || s.fill();
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

void CompressedFile::decompress_ahead(int threads) { state_->threads = std::max(threads, 1); }

void CompressedFile::keep_frames() { state_->keeps_frames = true; }

void CompressedFile::take_frames(std::uint64_t begin, std::uint64_t end,
                                 std::vector<CompressedFrame>& out) {
  auto& kept = state_->kept;
  for (; !kept.empty() && kept.front().end <= end; kept.pop_front())
    if (kept.front().begin >= begin) out.push_back(std::move(kept.front()));
}

std::uint64_t CompressedFile::position() const { return state_->consumed; }
const std::filesystem::path& CompressedFile::path() const { return state_->path; }

struct FrameCompressor::State {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  std::string frames;
  std::size_t size = 0;  // of what is written in `frames`, which is not cleared
  ~State() { ZSTD_freeCCtx(context); }

  void add(std::string_view bytes) {
    if (const std::size_t most = size + ZSTD_compressBound(bytes.size()); frames.size() < most)
      frames.resize(most);
    const std::size_t written = ZSTD_compress2(context, frames.data() + size, frames.size() - size,
                                               bytes.data(), bytes.size());
    if (ZSTD_isError(written))
      throw Error(std::string("zstd could not compress: ") + ZSTD_getErrorName(written));
    size += written;
  }
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
  s.size = 0;
  // The last frame has half as much again rather than little.
  while (bytes.size() >= kFrameBytes * 3 / 2) {
    const std::size_t end = bytes.find('\n', kFrameBytes - 1);
    if (end == bytes.npos || end + 1 == bytes.size()) break;
    s.add(bytes.substr(0, end + 1));
    bytes.remove_prefix(end + 1);
  }
  s.add(bytes);
  return std::string_view(s.frames).substr(0, s.size);
}

}  // namespace lehr::text
