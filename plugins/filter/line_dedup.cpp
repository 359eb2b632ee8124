#include "line_dedup.h"

#include <cstring>
#include <string>

#include "document_block.h"
#include "text/words.h"
#include "text/words_and_lines.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace lehr::plugins::filter {
namespace {

constexpr std::size_t kAhead = 16;  // keys whose places are loaded before they are asked for

// The marks of one document off `rest`, which begins with them.
std::span<LineMark> take_document(std::span<LineMark>& rest, std::string_view text) {
  std::size_t n = 1;
  while (rest[n - 1].end < text.size()) ++n;
  const auto own = rest.first(n);
  rest = rest.subspan(n);
  return own;
}

}  // namespace

void LineDedup::describe(Description& d) {
  d.summary("removes lines that were seen before in any document; the first one stays");
  d.count("min_line_characters", min_line_characters).at_least(1).help("shorter lines always stay");
  d.count("min_characters", min_characters)
      .at_least(0)
      .help("a document that lost lines and has fewer left is dropped: duplicate_lines");
  d.bytes("memory", memory)
      .at_least(1 << 20)
      .no_effect()
      .help("for the hashes of different lines, 10 to 15 bytes each; more of them go to disk");
}

SeenLines::SeenLines(const LineDedup& described, std::filesystem::path folder)
    : min_line_characters_(static_cast<std::size_t>(described.min_line_characters)),
      min_characters_(static_cast<std::uint64_t>(described.min_characters)),
      seen_(static_cast<std::uint64_t>(described.memory), std::move(folder)) {}

void SeenLines::hash(DocumentBlock& block) const {
  block.line_marks.clear();
  for (const auto& d : block.documents()) {
    const std::string_view text = view(d.text);
    if (text.size() > text::kLongestText)
      throw Error("document '" + std::string(view(d.id)) + "' is longer than 4 GiB");
    for (std::size_t begin = 0, end = 0; end < text.size() || begin == 0; begin = end + 1) {
      end = std::min(text.find('\n', begin), text.size());
      const auto line = text::strip_left(text::strip_right(text.substr(begin, end - begin)));
      LineMark mark;
      mark.end = static_cast<std::uint32_t>(end);
      mark.characters = static_cast<std::uint32_t>(text::count_code_points(line));
      if (mark.characters >= min_line_characters_) {
        mark.hash = XXH3_64bits(line.data(), line.size());
        mark.hash += mark.hash == 0;
      }
      block.line_marks.push_back(mark);
    }
  }
}

void SeenLines::decide(DocumentBlock& block, std::string& added) {
  std::span<LineMark> rest = block.line_marks;
  const LineMark* const all_end = rest.data() + rest.size();
  const auto documents = block.documents();
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const auto lines = take_document(rest, view(documents[i].text));
    own_.clear(lines.size());
    std::uint64_t left = 0;
    bool lost = false;
    for (LineMark& line : lines) {
      if (&line + kAhead < all_end) seen_.prefetch({(&line)[kAhead].hash});
      line.removed = line.hash != 0 && (seen_.contains({line.hash}) || !own_.add(line.hash));
      lost |= line.removed;
      if (!line.removed) left += line.characters;
    }
    if (lost && (left < min_characters_ || left == 0)) {
      block.drop(i, kReason);
      continue;
    }
    for (const LineMark& line : lines)
      if (line.hash != 0 && !line.removed && seen_.add({line.hash}))
        added.append(reinterpret_cast<const char*>(&line.hash), sizeof line.hash);
  }
}

void SeenLines::settle(DocumentBlock& block) const {
  std::span<LineMark> rest = block.line_marks;
  const auto documents = block.documents();
  std::string left;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const std::string_view text = view(documents[i].text);
    const auto lines = take_document(rest, text);
    if (documents[i].verdict == LEHR_DROP) continue;
    left.clear();
    bool lost = false, any = false;
    std::size_t begin = 0;
    for (const LineMark& line : lines) {
      if (!line.removed) {
        if (any) left += '\n';
        left += text.substr(begin, line.end - begin);
        any = true;
      }
      lost |= line.removed;
      begin = line.end + std::size_t{1};
    }
    if (lost) block.set_text(i, left);
  }
  block.remove_dropped();
}

void SeenLines::remember(std::string_view added) {
  for (LineHash key; added.size() >= sizeof key; added.remove_prefix(sizeof key)) {
    std::memcpy(&key, added.data(), sizeof key);
    seen_.add(key);
  }
}

}  // namespace lehr::plugins::filter
