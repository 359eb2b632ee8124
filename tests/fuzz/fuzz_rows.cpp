// JSON Lines, plain, gzip or zstd: documents with every way to treat what is malformed, and the
// rows of conversations, preferences, feedback, prompts and probes.
#include <lehr/value.h>

#include "input_file.h"
#include "text/chat_rows.h"
#include "text/documents.h"

namespace {

using namespace lehr;

constexpr std::uint64_t kMostBytes = 16 << 20;  // a small file may stand for much: stop somewhere

template <class Row>
void read_rows(const std::filesystem::path& path) try {
  text::RowReader<Row> reader({path});
  std::uint64_t bytes = 0;
  for (Row row; bytes < kMostBytes && reader.next(row);) {
    const std::string written = text::to_json(row);
    bytes += written.size();
    Row again;
    std::string padded = written + std::string(text::LineBlock::kPadding, '\0');
    text::parse_row(std::string_view(padded).substr(0, written.size()), "written", again);
    if (text::to_json(again) != written) std::abort();
  }
} catch (const Error&) {
}

void read_documents(const std::filesystem::path& path, const text::DocumentOptions& options) try {
  text::DocumentReader reader({path}, options);
  text::Document document;
  std::string out;
  while (out.size() < kMostBytes && reader.next(document)) text::append_document(out, document);
} catch (const Error&) {
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::InputFile file(data, size);
  for (const auto utf8 :
       {text::InvalidUtf8::error, text::InvalidUtf8::replace, text::InvalidUtf8::drop})
    for (const auto malformed : {text::Malformed::error, text::Malformed::drop})
      read_documents(file.path(), {"text", "id", utf8, malformed});
  read_rows<text::Conversation>(file.path());
  read_rows<text::Preference>(file.path());
  read_rows<text::Feedback>(file.path());
  read_rows<text::Prompt>(file.path());
  read_rows<text::Probe>(file.path());
  return 0;
}
