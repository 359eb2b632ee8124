// Parquet files as documents, what is wrong in their rows an error or dropped. Arrow, which decodes
// them, is as it comes: what it does by itself is not looked at, what comes of it is.
#include <lehr/value.h>

#include "input_file.h"
#include "parquet/parquet_documents.h"
#include "text/utf8_repair.h"

namespace {

using namespace lehr;
using namespace lehr::plugins::parquet;

constexpr std::uint64_t kMostBytes = 2 << 20;  // a small file may stand for much: stop somewhere

void read(const std::filesystem::path& path, bool lenient) try {
  Rules rules;
  rules.max_document_bytes = 1 << 20;
  rules.max_page_bytes = 16 << 20;
  if (lenient) {
    rules.options.malformed = text::Malformed::drop;
    rules.options.invalid_utf8 = text::InvalidUtf8::replace;
  }
  ParquetDocuments documents({{path, "input"}}, rules);
  auto worker = documents.worker();
  text::CollectionTally tally;
  std::string row;
  std::uint64_t seen = 0;
  for (ParquetDocuments::Block block; seen < kMostBytes && documents.next(block);) {
    seen += block.bytes + 1;
    documents.read(worker, block, tally, [&](const text::Document& document, bool) {
      row.clear();
      text::append_document(row, document);
      if (!text::is_valid_utf8(row)) std::abort();
    });
  }
} catch (const Error&) {
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::InputFile file(data, size);
  for (const bool lenient : {true, false}) read(file.path(), lenient);
  return 0;
}
