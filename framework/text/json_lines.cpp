#include "text/json_lines.h"

#include <fcntl.h>
#include <lehr/value.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

namespace lehr::text {
namespace {

constexpr std::size_t kWriteBytes = 1 << 20;

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

// The first byte from `at` on that JSON wants escaped: below 0x20, '"' or '\\'. Eight at a time: of
// the bytes that the sums mark, the lowest is always one.
std::size_t find_escape(std::string_view text, std::size_t at) {
  constexpr std::uint64_t kEach = 0x0101010101010101;
  const auto below = [](std::uint64_t w, std::uint64_t limit) { return (w - kEach * limit) & ~w; };
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof word);
    const std::uint64_t found =
        (below(word, 0x20) | below(word ^ (kEach * '"'), 1) | below(word ^ (kEach * '\\'), 1)) &
        (kEach * 0x80);
    if (found != 0) return at + static_cast<std::size_t>(std::countr_zero(found)) / 8;
  }
  for (; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x20 || c == '"' || c == '\\') return at;
  }
  return at;
}

// A bare NaN or Infinity where a value stands, as Python writes them.
bool has_python_number(std::string_view line) {
  for (const std::string_view word : {"NaN", "Infinity"})
    for (std::size_t at = 0; (at = line.find(word, at)) != line.npos; at += word.size()) {
      const auto before = line.find_last_not_of(" \t-", at == 0 ? 0 : at - 1);
      const auto after = line.find_first_not_of(" \t\r", at + word.size());
      const auto is_one_of = [&](std::size_t i, std::string_view chars) {
        return i != line.npos && chars.find(line[i]) != chars.npos;
      };
      if (is_one_of(before, ":[,") && is_one_of(after, ",]}")) return true;
    }
  return false;
}

static_assert(std::endian::native == std::endian::little,
              "find_escape takes the first byte as the lowest");

}  // namespace

std::vector<std::filesystem::path> data_files(const std::filesystem::path& artifact,
                                              std::string_view split) {
  std::vector<std::filesystem::path> files;
  const std::string prefix = std::string(split) + "-";
  for (const auto& entry : std::filesystem::directory_iterator(artifact)) {
    const std::string name = entry.path().filename().string();
    const bool rows =
        name.ends_with(".jsonl") || name.ends_with(".jsonl.gz") || name.ends_with(".jsonl.zst");
    if (rows && name.starts_with(prefix)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void append_json_string(std::string& out, std::string_view text) {
  static const char* hex = "0123456789abcdef";
  out += '"';
  std::size_t done = 0;
  for (std::size_t i = 0; (i = find_escape(text, i)) < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    out.append(text, done, i - done);
    done = i + 1;
    out += '\\';
    switch (c) {
      case '"':
      case '\\':
        out += static_cast<char>(c);
        break;
      case '\n':
        out += 'n';
        break;
      case '\r':
        out += 'r';
        break;
      case '\t':
        out += 't';
        break;
      case '\b':
        out += 'b';
        break;
      case '\f':
        out += 'f';
        break;
      default:
        out += "u00";
        out += hex[c >> 4];
        out += hex[c & 15];
    }
  }
  out.append(text, done);
  out += '"';
}

const char* row_form_hint(std::string_view line) {
  const auto begin = line.find_first_not_of(" \t"), end = line.find_last_not_of(" \t\r");
  if (begin == line.npos) return "";
  if (line[begin] == '[')
    return "; rows are objects, one a line: `jq -c '.[]'` makes them of a list";
  if (line[begin] == '{' && begin == end)
    return "; rows are objects, one a line: `jq -c .` makes them of objects over several lines";
  if (has_python_number(line)) return "; NaN and Infinity are no JSON: write null";
  return "";
}

JsonLinesReader::JsonLinesReader(std::vector<std::filesystem::path> files)
    : blocks_(std::move(files), {.max_line_bytes = kMaxDocumentBytes}) {}

bool JsonLinesReader::next(std::string_view& row) {
  for (;;) {
    while (take_line(rest_, row)) {
      ++line_;
      if (line_ == 1 && row.starts_with("\xef\xbb\xbf")) row.remove_prefix(3);
      if (is_blank(row)) continue;
      return true;
    }
    if (!blocks_.next(block_)) return false;
    rest_ = block_.bytes();
    line_ = block_.first_line - 1;
  }
}

std::string JsonLinesReader::where() const {
  return blocks_.files()[block_.file].string() + ":" + std::to_string(line_);
}

JsonLinesWriter::JsonLinesWriter(const std::filesystem::path& path) : path_(path) {
  file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file_ < 0) throw Error(path.string() + ": cannot be created: " + std::strerror(errno));
}

JsonLinesWriter::~JsonLinesWriter() {
  try {
    close();
  } catch (const Error&) {  // reported by those who call close()
  }
}

void JsonLinesWriter::write(std::string_view json) {
  buffer_ += json;
  buffer_ += '\n';
  ++rows_;
  if (buffer_.size() >= kWriteBytes) flush();
}

void JsonLinesWriter::flush() {
  for (std::string_view rest = buffer_; !rest.empty();) {
    const ssize_t n = ::write(file_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      buffer_.clear();
      throw Error(path_.string() + ": cannot be written: " + std::strerror(errno));
    }
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  buffer_.clear();
}

void JsonLinesWriter::close() {
  if (file_ < 0) return;
  try {
    flush();
  } catch (...) {
    ::close(std::exchange(file_, -1));
    throw;
  }
  if (::close(std::exchange(file_, -1)) != 0)
    throw Error(path_.string() + ": cannot be written: " + std::strerror(errno));
}

}  // namespace lehr::text
