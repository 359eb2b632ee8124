#include "text/word_runs.h"

#include <lehr/value.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>

namespace lehr::text {
namespace {

constexpr std::size_t kPart = 64 << 10;  // read and written at once
constexpr std::size_t kHead = sizeof(std::int64_t) + sizeof(std::uint32_t);

struct Head {
  std::int64_t count;
  std::uint32_t size;
  explicit Head(const char* bytes) {
    std::memcpy(&count, bytes, sizeof count);
    std::memcpy(&size, bytes + sizeof count, sizeof size);
  }
};

class Writer {
 public:
  using To = std::function<void(std::string_view)>;
  explicit Writer(To to) : to_(std::move(to)) {}
  explicit Writer(ScratchFile& file)
      : Writer([&file](std::string_view part) { file.append(part.data(), part.size()); }) {}
  void put(const WordCount& word) {
    const auto size = static_cast<std::uint32_t>(word.word.size());
    part_.append(reinterpret_cast<const char*>(&word.count), sizeof word.count);
    part_.append(reinterpret_cast<const char*>(&size), sizeof size);
    part_ += word.word;
    if (part_.size() >= kPart) flush();
  }
  void flush() {
    to_(part_);
    part_.clear();
  }

 private:
  To to_;
  std::string part_;
};

class Reader {
 public:
  explicit Reader(const ScratchFile& file) : file_(file) {}
  // False at the end; `word` is valid until the next call.
  bool next(WordCount& word) {
    if (!load(kHead)) return false;
    const Head head(part_.data() + at_);
    load(kHead + head.size);
    word = {std::string_view(part_).substr(at_ + kHead, head.size), head.count};
    at_ += kHead + head.size;
    return true;
  }

 private:
  // Has the next `size` bytes in one piece; false at the end of the file.
  bool load(std::size_t size) {
    const std::size_t left = part_.size() - at_;
    if (left >= size) return true;
    const std::uint64_t more =
        std::min<std::uint64_t>(std::max(kPart, size - left), file_.size() - next_);
    if (left + more < size) return false;
    part_.erase(0, at_);
    at_ = 0;
    part_.resize(left + more);
    file_.read(next_, part_.data() + left, more);
    next_ += more;
    return true;
  }

  const ScratchFile& file_;
  std::string part_;
  std::size_t at_ = 0;
  std::uint64_t next_ = 0;  // in the file
};

}  // namespace

void write_words(const std::filesystem::path& file, std::span<const WordCount> words) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  Writer writer([&](std::string_view part) {
    out.write(part.data(), static_cast<std::streamsize>(part.size()));
  });
  for (const WordCount& word : words) writer.put(word);
  writer.flush();
  if (!out.flush()) throw Error(file.string() + ": could not be written. Is the disk full?");
}

void WordRuns::add(std::span<const WordCount> words) {
  Run run{ScratchFile(folder_), words.size()};
  Writer writer(run.file);
  for (const WordCount& word : words) writer.put(word);
  writer.flush();
  keep(std::move(run));
}

void WordRuns::add_file(const std::filesystem::path& file) {
  Run run{ScratchFile(folder_), 0};
  std::ifstream in(file, std::ios::binary);
  std::string part(kPart, '\0');
  while (in.read(part.data(), static_cast<std::streamsize>(part.size())) || in.gcount() > 0)
    run.file.append(part.data(), static_cast<std::size_t>(in.gcount()));
  if (!in.eof()) throw Error(file.string() + ": cannot be read");
  Reader reader(run.file);
  for (WordCount word; reader.next(word);) ++run.words;
  if (run.words > 0) keep(std::move(run));
}

void WordRuns::keep(Run run) {
  const std::lock_guard lock(mutex_);
  runs_.push_back(std::move(run));
  while (runs_.size() > 1 && runs_.end()[-2].words < 2 * runs_.back().words) merge_last_two();
}

void WordRuns::clear() {
  unmap();
  runs_.clear();
}

std::uint64_t WordRuns::count() {
  merge_all();
  return runs_.empty() ? 0 : runs_[0].words;
}

WordList WordRuns::words(std::pmr::memory_resource* memory) {
  WordList words(memory);
  merge_all();
  if (runs_.empty()) return words;
  unmap();
  mapped_ = runs_[0].file.map();
  mapped_bytes_ = runs_[0].file.size();
  words.reserve(runs_[0].words);
  const char* at = static_cast<const char*>(mapped_);
  for (const char* const end = at + mapped_bytes_; at < end;) {
    const Head head(at);
    words.push_back({std::string_view(at + kHead, head.size), head.count});
    at += kHead + head.size;
  }
  return words;
}

void WordRuns::unmap() {
  if (mapped_ != nullptr) ::munmap(mapped_, mapped_bytes_);
  mapped_ = nullptr;
}

void WordRuns::merge_all() {
  while (runs_.size() > 1) merge_last_two();
}

void WordRuns::merge_last_two() {
  Run merged = merge(runs_.end()[-2], runs_.back());
  runs_.pop_back();
  runs_.back() = std::move(merged);
}

WordRuns::Run WordRuns::merge(const Run& a, const Run& b) const {
  Run merged{ScratchFile(folder_), 0};
  Writer writer(merged.file);
  Reader left(a.file), right(b.file);
  WordCount l, r;
  bool has_left = left.next(l), has_right = right.next(r);
  while (has_left || has_right) {
    const int order = !has_left ? 1 : !has_right ? -1 : l.word.compare(r.word);
    if (order == 0) l.count += r.count;
    writer.put(order <= 0 ? l : r);
    ++merged.words;
    if (order <= 0) has_left = left.next(l);
    if (order >= 0) has_right = right.next(r);
  }
  writer.flush();
  return merged;
}

}  // namespace lehr::text
