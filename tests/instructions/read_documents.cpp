// Reads FILE as files.documents does and writes its documents as JSON Lines into memory, on one
// thread: what tests/instructions counts. Prints how many there were.
#include <iostream>

#include "files/file_documents.h"

int main(int argc, char** argv) try {
  using namespace lehr;
  if (argc != 2) return std::cerr << "read_documents FILE\n", 2;
  plugins::files::FileDocuments documents(plugins::files::find_sources({argv[1]}, "FILE"), {}, {},
                                          {});
  plugins::files::PieceReader reader = documents.worker();
  text::CollectionTally tally;
  std::string json;
  std::uint64_t count = 0;
  for (plugins::files::SourceBlock block; documents.next(block);) {
    json.clear();
    documents.read(reader, block, tally, [&](const text::Document& document, bool) {
      text::append_document(json, document);
      ++count;
    });
  }
  std::cout << count << " documents, " << tally.summary.bytes_in() << " bytes of text\n";
  return 0;
} catch (const std::exception& e) {
  std::cerr << e.what() << "\n";
  return 1;
}
