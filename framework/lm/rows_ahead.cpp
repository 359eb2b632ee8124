#include "lm/rows_ahead.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "text/compressed_file.h"
#include "text/json_lines.h"

namespace lehr::lm {
namespace {

constexpr int kPieceBytes = 128 << 10;
constexpr double kLeastPieces = 16;  // of a file, however little is taken of it
constexpr double kMostRatio = 16;    // of rows to what they take compressed: chats have 3 to 6

struct Sample {
  std::string lines;
  double bytes = 0;  // of the files, that hold them
};

double bytes_of(const std::filesystem::path& file) {
  return static_cast<double>(std::filesystem::file_size(file));
}

// Adds whole lines of about such a share of a plain file: one at least.
void add_pieces(const std::filesystem::path& file, double share, Sample& sample) {
  const double all = bytes_of(file);
  const double pieces = std::max(kLeastPieces, std::round(share * all / kPieceBytes));
  std::ifstream in(file, std::ios::binary);
  std::string line, taken;
  for (double piece = 0; piece < pieces; ++piece) {
    const auto begin = static_cast<std::streamoff>(piece * all / pieces);
    in.clear();
    in.seekg(std::max<std::streamoff>(0, begin - 1));
    if (begin > 0) std::getline(in, line);  // which began before
    while (static_cast<double>(taken.size()) < (piece + 1) * share * all / pieces &&
           std::getline(in, line))
      taken += line + '\n';
    if (in.bad()) throw Error(file.string() + ": cannot be read");
  }
  sample.lines += taken;
  sample.bytes += static_cast<double>(taken.size());
}

// Adds the first lines of about such a share of a compressed file; false if they are more than
// `most` bytes.
bool add_beginning(const std::filesystem::path& file, double share, double most, Sample& sample) {
  const double wanted = share * bytes_of(file);
  text::CompressedFile in(file);
  std::string taken;
  std::size_t end = 0;  // of the last line
  for (bool more = true; more && (end == 0 || static_cast<double>(in.position()) < wanted);) {
    const std::size_t begin = taken.size();
    taken.resize(begin + kPieceBytes);
    taken.resize(begin + in.read(taken.data() + begin, kPieceBytes));
    if (static_cast<double>(taken.size()) > most) return false;
    more = taken.size() == begin + kPieceBytes;
    if (!more && !taken.empty() && taken.back() != '\n') taken += '\n';
    if (const auto line = std::string_view(taken).substr(begin).rfind('\n'); line != taken.npos)
      end = begin + line + 1;
  }
  if (end == 0) return true;
  sample.lines.append(taken, 0, end);
  sample.bytes += static_cast<double>(in.position()) * static_cast<double>(end) /
                  static_cast<double>(taken.size());
  return true;
}

// An open file that holds them.
int in_memory(const std::string& lines) {
  const int file = ::memfd_create("rows", MFD_CLOEXEC);
  std::size_t done = 0;
  while (file >= 0 && done < lines.size()) {
    const ssize_t n = ::write(file, lines.data() + done, lines.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    done += static_cast<std::size_t>(n);
  }
  if (file < 0 || done < lines.size())
    throw Error(std::string("rows to estimate by cannot be kept in memory: ") +
                std::strerror(errno));
  return file;
}

}  // namespace

std::optional<RowsAhead> RowsAhead::find(const std::vector<Input>& inputs, std::string_view port,
                                         double quick_bytes) {
  RowsAhead ahead;
  double all = 0;
  for (const Input& in : inputs) {
    if (in.port != port) continue;
    if (in.path.empty()) return {};
    for (const auto& file : ahead.files_.emplace_back(text::data_files(in.path, "train")))
      all += bytes_of(file);
  }
  if (ahead.files_.empty()) return {};
  if (all <= quick_bytes) return ahead;
  const double share = quick_bytes / 4 / all;
  double taken = 0;
  for (auto& files : ahead.files_) {
    Sample sample;
    for (const auto& file : files)
      if (file.extension() == ".jsonl")
        add_pieces(file, share, sample);
      else if (!add_beginning(file, share, kMostRatio * quick_bytes / 4, sample))
        return {};
    taken += sample.bytes;
    ahead.samples_.push_back(in_memory(sample.lines));
    files = {"/proc/self/fd/" + std::to_string(ahead.samples_.back())};
  }
  ahead.share_ = std::min(1.0, taken / all);
  return ahead;
}

RowsAhead::~RowsAhead() {
  for (const int file : samples_) ::close(file);
}

}  // namespace lehr::lm
