// A block of documents on its way through the pass: read, parsed, judged, serialised. Texts are
// views into its lines or its arena; a document that no step rewrote keeps its line and is copied
// as it stood.
#pragma once

#include <lehr/plugin.h>

#include <memory_resource>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "document_scorer.h"
#include "exact_dedup.h"
#include "line_dedup.h"
#include "text/document_summary.h"
#include "text/documents.h"
#include "text/kept_rows.h"
#include "text/page_buffer.h"

namespace lehr::plugins::filter {

// A step as the pass uses it. Our own see one document after the other, so that they share its
// tables; others get batches.
struct Judge {
  StepInstance* step;
  bool shares_tables;
};

class DocumentBlock {
 public:
  // one_huge: held while a document longer than TextTables::kHugeText is looked at, so that only
  // one thread has the tables that this takes.
  explicit DocumentBlock(std::mutex& one_huge) : one_huge_(one_huge) {}
  text::LineBlock lines;

  // Fills the block with the documents of `lines`.
  void parse(text::DocumentParser& parser, const std::string& file);
  // Judges all documents by these steps, in this order.
  void apply(std::span<const Judge> steps);
  // Instead, where documents are scored: all stay, with their scores among their fields.
  void score(DocumentScorer& scorer);
  // The kept documents as lines of JSON, compressed.
  void serialise(text::FrameCompressor& compressor);

  // Empty if no document is kept.
  const std::string& frames() const { return kept_.frames(); }
  const text::DocumentSummary& summary() const { return summary_; }

  // For the steps that are decided in order. drop: the document is there until remove_dropped().
  std::span<const lehr_document> documents() const { return documents_; }
  void drop(std::size_t index, std::string_view reason);
  void set_text(std::size_t index, std::string_view text);
  void remove_dropped();
  std::vector<TextHash> text_hashes;  // of each document
  std::vector<LineMark> line_marks;   // of all documents' lines
  std::vector<std::string> added;     // what each such step has seen first in this block

 private:
  // Calls look(), which looks at the documents from `begin` to `end`.
  template <class Look>
  void with_room_for(std::size_t begin, std::size_t end, Look look);
  void apply(std::span<const Judge> steps, std::size_t begin, std::size_t end);
  std::string_view keep(std::string_view text);
  // The same for what the parser gave, of which much is in `lines` already.
  std::string_view keep_read(std::string_view text);
  void judge(std::size_t begin, std::size_t end, StepInstance& step);
  // Takes the step's verdict on a document in.
  void take_verdict(std::size_t index, std::string_view step);
  void rewrite(std::size_t index, std::string_view step);

  std::mutex& one_huge_;
  text::PageBuffer memory_{text::LineBlocks::Options().block_bytes};
  std::pmr::monotonic_buffer_resource arena_{memory_.data(), memory_.size()};
  std::vector<lehr_document> documents_;
  std::vector<std::string_view> rows_;  // per document its line; empty once it is rewritten
  text::KeptRows kept_;
  text::DocumentSummary summary_;
};

}  // namespace lehr::plugins::filter
