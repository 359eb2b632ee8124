#include "document_block.h"

#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <span>

#include "pii.h"
#include "text/utf8_repair.h"
#include "text_tables.h"

namespace lehr::plugins::filter {
namespace {

// Documents given to a step at once: as many as the tables that our own steps share are kept for,
// so that a step of someone else's between them costs only its own work.
constexpr std::size_t kBatch = TextTables::kShort;

}  // namespace

std::string_view DocumentBlock::keep(std::string_view text) {
  if (text.empty()) return "";
  char* copy = static_cast<char*>(arena_.allocate(text.size(), 1));
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

std::string_view DocumentBlock::keep_read(std::string_view text) {
  const std::less_equal<const char*> no_later;  // of any two, in one object or not
  const char* const block = lines.buffer.data();
  const bool stays = no_later(block, text.data()) && no_later(text.data(), block + lines.size);
  return stays ? text : keep(text);
}

void DocumentBlock::parse(text::DocumentParser& parser, const std::string& file) {
  arena_.release();
  documents_.clear();
  rows_.clear();
  summary_.clear();
  added.clear();
  parser.start(lines, file);
  text::Document document;
  for (std::string_view line; parser.next(document, line);) {
    summary_.read(document.text);
    lehr_document& d = documents_.emplace_back();
    d.id = borrow(keep_read(document.id));
    d.text = borrow(keep_read(document.text));
    d.fields = borrow(keep_read(document.fields));
    rows_.push_back(line);
  }
}

void DocumentBlock::apply(std::span<const Judge> steps) {
  // A few documents through all steps, then the next few: they stay in the cache, and our own steps
  // see one document after the other.
  Pii::take_replaced();  // of a block that failed
  for (std::size_t begin = 0; begin < documents_.size(); begin += kBatch) {
    const std::size_t end = std::min(begin + kBatch, documents_.size());
    with_room_for(begin, end, [&] { apply(steps, begin, end); });
  }
  const auto replaced = Pii::take_replaced();
  for (std::size_t kind = 0; kind < replaced.size(); ++kind)
    if (replaced[kind]) summary_.replace(Pii::kKinds[kind], *replaced[kind]);
  remove_dropped();
}

void DocumentBlock::apply(std::span<const Judge> steps, std::size_t begin, std::size_t end) {
  for (auto first = steps.begin(); first != steps.end();) {
    auto last = first;
    while (last != steps.end() && last->shares_tables) ++last;
    for (std::size_t i = begin; i < end; ++i)
      for (auto step = first; step != last; ++step) judge(i, i + 1, *step->step);
    if (last == steps.end()) break;
    judge(begin, end, *last->step);
    first = last + 1;
  }
}

template <class Look>
void DocumentBlock::with_room_for(std::size_t begin, std::size_t end, Look look) {
  const bool huge = std::any_of(
      documents_.begin() + static_cast<std::ptrdiff_t>(begin),
      documents_.begin() + static_cast<std::ptrdiff_t>(end),
      [](const lehr_document& d) { return view(d.text).size() > TextTables::kHugeText; });
  if (!huge) return look();
  // Isolated: a step that waits for work of its own is not given another block, which would wait
  // for this one.
  tbb::this_task_arena::isolate([&] {
    const std::lock_guard lock(one_huge_);
    look();
    TextTables::let_go();
  });
}

void DocumentBlock::score(DocumentScorer& scorer) {
  for (std::size_t i = 0; i < documents_.size(); ++i) {
    lehr_document& d = documents_[i];
    with_room_for(i, i + 1, [&] {
      const DocumentScorer::Score score = scorer.score(d);
      Pii::take_replaced();  // the document stays as it is
      if (!score.reason.empty()) summary_.would_drop(score.reason, view(d.id), view(d.text));
      d.fields = borrow(keep(score.fields));
      rows_[i] = {};
    });
  }
}

void DocumentBlock::judge(std::size_t begin, std::size_t end, StepInstance& step) {
  // Runs of documents that were not dropped yet.
  while (begin < end) {
    if (documents_[begin].verdict == LEHR_DROP) {
      ++begin;
      continue;
    }
    std::size_t next = begin + 1;
    while (next < end && documents_[next].verdict != LEHR_DROP) ++next;
    step.process(std::span(documents_).subspan(begin, next - begin));
    // Taken at once: rewritten texts live until the next call.
    for (; begin < next; ++begin) take_verdict(begin, step.name());
  }
}

void DocumentBlock::take_verdict(std::size_t index, std::string_view step) {
  lehr_document& d = documents_[index];
  if (d.verdict == LEHR_REWRITE)
    rewrite(index, step);
  else if (d.verdict == LEHR_DROP)
    summary_.drop(view(d.reason).empty() ? step : view(d.reason), view(d.id), view(d.text));
  else if (d.verdict != LEHR_KEEP)
    throw Error("document step '" + std::string(step) + "' gave the unknown verdict " +
                std::to_string(d.verdict));
}

void DocumentBlock::rewrite(std::size_t index, std::string_view step) {
  lehr_document& d = documents_[index];
  const std::string_view text = view(d.rewritten);
  if (text != view(d.text)) {
    if (!text::is_valid_utf8(text))
      throw Error("document step '" + std::string(step) + "' rewrote document '" +
                  std::string(view(d.id)) + "' to text that is not valid UTF-8");
    set_text(index, text);
  }
  d.rewritten = {};
  d.verdict = LEHR_KEEP;
}

void DocumentBlock::remove_dropped() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < documents_.size(); ++i) {
    if (documents_[i].verdict == LEHR_DROP) continue;
    documents_[kept] = documents_[i];
    rows_[kept] = rows_[i];
    ++kept;
  }
  documents_.resize(kept);
  rows_.resize(kept);
}

void DocumentBlock::drop(std::size_t index, std::string_view reason) {
  lehr_document& d = documents_[index];
  d.verdict = LEHR_DROP;
  summary_.drop(reason, view(d.id), view(d.text));
}

void DocumentBlock::set_text(std::size_t index, std::string_view text) {
  documents_[index].text = borrow(keep(text));
  rows_[index] = {};
}

void DocumentBlock::serialise(text::FrameCompressor& compressor) {
  kept_.start(lines, compressor);
  for (std::size_t i = 0; i < documents_.size(); ++i) {
    const lehr_document& d = documents_[i];
    summary_.keep(view(d.text));
    if (rows_[i].empty()) {
      kept_.add({view(d.id), view(d.text), view(d.fields)});
    } else {
      kept_.add(rows_[i]);
    }
  }
  kept_.finish();
}

}  // namespace lehr::plugins::filter
