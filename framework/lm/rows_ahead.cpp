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

#include "text/json_lines.h"

namespace lehr::lm {
namespace {

constexpr double kPieceBytes = 128 << 10;
constexpr double kLeastPieces = 16;  // of a file, however little is taken of it

// Whole lines of about such a share of a plain file: one at least.
std::string take_share(const std::filesystem::path& file, double share) {
  const auto all = static_cast<double>(std::filesystem::file_size(file));
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
  return taken;
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
  bool plain = true;
  for (const Input& in : inputs) {
    if (in.port != port) continue;
    if (in.path.empty()) return {};
    for (const auto& file : ahead.files_.emplace_back(text::data_files(in.path, "train"))) {
      all += static_cast<double>(std::filesystem::file_size(file));
      plain = plain && file.extension() == ".jsonl";
    }
  }
  if (ahead.files_.empty() || (all > quick_bytes && !plain)) return {};
  if (all <= quick_bytes) return ahead;
  double taken = 0;
  for (auto& files : ahead.files_) {
    std::string lines;
    for (const auto& file : files) lines += take_share(file, quick_bytes / 4 / all);
    taken += static_cast<double>(lines.size());
    ahead.samples_.push_back(in_memory(lines));
    files = {"/proc/self/fd/" + std::to_string(ahead.samples_.back())};
  }
  ahead.share_ = std::min(1.0, taken / all);
  return ahead;
}

RowsAhead::~RowsAhead() {
  for (const int file : samples_) ::close(file);
}

}  // namespace lehr::lm
