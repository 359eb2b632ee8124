#include "sample.h"

#include "text/documents.h"

namespace lehr::data {

Drawing draw_documents(const std::filesystem::path& folder, const std::string& split,
                       std::size_t wanted, std::uint64_t seed) {
  text::DocumentReader reader(text::data_files(folder, split));
  Sample<ShownDocument> sample(wanted, seed);
  Drawing out;
  for (text::Document document; reader.next(document);) {
    sample.offer([&] {
      return ShownDocument{std::string(document.id), std::string(document.text),
                           std::string(document.fields)};
    });
    if (reader.counts().text_bytes < kMostRead) continue;
    out.all = false;
    break;
  }
  out.documents = sample.rows();
  out.seen = sample.seen();
  return out;
}

}  // namespace lehr::data
