// A block of documents on its way through the pass: read, parsed, judged, serialised. Texts are
// views into its arena; a document that no step rewrote keeps its line and is copied as it stood.
#pragma once

#include <lehr/plugin.h>

#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exact_dedup.h"
#include "text/document_summary.h"
#include "text/documents.h"

namespace lehr::plugins::filter {

// A step as the pass uses it. Our own see one document after the other, so that they share its
// tables; others get batches.
struct Judge {
  StepInstance* step;
  bool shares_tables;
};

class DocumentBlock {
 public:
  text::LineBlock lines;

  // Fills the block with the documents of `lines`.
  void parse(text::DocumentParser& parser, const std::string& file);
  // Judges all documents by these steps, in this order.
  void apply(std::span<const Judge> steps);
  // Hashes of the present documents, then: drops those seen before.
  void hash();
  void drop_seen(SeenTexts& seen, std::vector<TextHash>& added);
  // The kept documents as lines of JSON, compressed; empty if there are none.
  void serialise(text::FrameCompressor& compressor);

  const std::string& frame() const { return frame_; }
  const text::DocumentSummary& summary() const { return summary_; }
  // New hashes by the number of the exact_dedup that decided.
  std::vector<std::vector<TextHash>> added;

 private:
  std::string_view keep(std::string_view text);
  void judge(std::size_t begin, std::size_t end, StepInstance& step);
  // Takes the step's verdict on a document in.
  void take_verdict(std::size_t index, std::string_view step);
  void rewrite(std::size_t index, std::string_view step);
  // Forgets the documents whose verdict is drop.
  void remove_dropped();

  std::pmr::monotonic_buffer_resource arena_;
  std::vector<lehr_document> documents_;
  std::vector<std::string_view> rows_;  // per document its line; empty once it is rewritten
  std::vector<TextHash> hashes_;
  std::string json_, frame_;
  text::DocumentSummary summary_;
};

}  // namespace lehr::plugins::filter
