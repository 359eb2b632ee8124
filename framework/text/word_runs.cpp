#include "text/word_runs.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
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
  explicit Writer(ScratchFile& file) : file_(file) {}
  void put(const WordCount& word) {
    const auto size = static_cast<std::uint32_t>(word.word.size());
    part_.append(reinterpret_cast<const char*>(&word.count), sizeof word.count);
    part_.append(reinterpret_cast<const char*>(&size), sizeof size);
    part_ += word.word;
    if (part_.size() >= kPart) flush();
  }
  void flush() {
    file_.append(part_.data(), part_.size());
    part_.clear();
  }

 private:
  ScratchFile& file_;
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

void WordRuns::add(std::span<const WordCount> words) {
  Run run{ScratchFile(folder_), words.size()};
  Writer writer(run.file);
  for (const WordCount& word : words) writer.put(word);
  writer.flush();
  const std::lock_guard lock(mutex_);
  runs_.push_back(std::move(run));
  while (runs_.size() > 1 && runs_.end()[-2].words < 2 * runs_.back().words) merge_last_two();
}

WordList WordRuns::words(std::pmr::memory_resource* memory) {
  WordList words(memory);
  if (runs_.empty()) return words;
  while (runs_.size() > 1) merge_last_two();
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
