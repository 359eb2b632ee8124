// Text files of every form as documents: .jsonl, .txt by each unit, .csv, .tsv, in each encoding,
// plain, gzip or zstd, with what is wrong in them an error or dropped; in small blocks, so that
// records are cut everywhere. Small and large blocks must give the same documents.
#include <lehr/value.h>

#include <optional>

#include "files/piece_reader.h"
#include "input_file.h"

namespace {

using namespace lehr;
using namespace lehr::plugins::files;

// A small file may stand for much: stop somewhere. With AddressSanitizer 2 MiB of documents of a
// letter each, read in all these ways, took ten seconds. Large blocks are no larger than that, as
// clearing them is what a small input costs.
constexpr std::size_t kMostBytes = 64 << 10;

struct Way {
  Format format;
  Records records;
  text::Encoding encoding;
  bool lenient;
};

// The documents one after the other, or nothing where reading failed.
std::optional<std::string> read(const std::filesystem::path& path, const Way& way,
                                std::size_t block_bytes, bool& all) try {
  DocumentRules rules;
  rules.encoding = way.encoding;
  rules.text_records = way.records;
  if (way.lenient) {
    rules.options.malformed = text::Malformed::drop;
    rules.options.invalid_utf8 = text::InvalidUtf8::replace;
  }
  ReadingRules reading;
  reading.encoding = way.encoding;
  reading.text_records = way.records;
  reading.block_bytes = block_bytes;
  reading.max_record_bytes = 1 << 20;
  reading.drop_too_long = way.lenient;
  const Source source{path, "input", way.format};
  SourceBlocks blocks({source}, reading);
  PieceReader reader(rules);
  text::CollectionTally tally;
  std::string out;
  std::uint64_t seen = 0;
  for (SourceBlock block; seen < kMostBytes && blocks.next(block);)
    for (const Piece& piece : block.pieces) {
      seen += piece.end - piece.begin;
      reader.read(block, piece, source, tally,
                  [&](const text::Document& document) { text::append_document(out, document); });
    }
  all = seen < kMostBytes;
  return out;
} catch (const Error&) {
  return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::InputFile file(data, size);
  constexpr auto utf8 = text::Encoding::utf8;
  for (const bool lenient : {true, false})
    for (const Way way : {Way{Format::json_lines, Records::lines, utf8, lenient},
                          Way{Format::text, Records::lines, utf8, lenient},
                          Way{Format::text, Records::paragraphs, utf8, lenient},
                          Way{Format::text, Records::whole, text::Encoding::windows1252, lenient},
                          Way{Format::text, Records::whole, text::Encoding::utf16, lenient},
                          Way{Format::csv, Records::lines, utf8, lenient},
                          Way{Format::tsv, Records::lines, text::Encoding::latin1, lenient}}) {
      bool all = false, all_again = false;
      const auto small = read(file.path(), way, 512, all);
      const auto large = read(file.path(), way, kMostBytes, all_again);
      if (all && all_again && small && large && *small != *large) std::abort();
      if (all && all_again && lenient && small.has_value() != large.has_value()) std::abort();
    }
  return 0;
}
