// Token shards: tokens.json, an index and ids, cut out of one input at its lines "--". Whatever
// they hold, what is read lies inside the files.
#include <unistd.h>

#include <fstream>
#include <vector>

#include <lehr/value.h>

#include "cut_input.h"
#include "text/token_shards.h"

namespace {

using namespace lehr;

void read(const std::filesystem::path& folder) try {
  const text::TokenShards shards(folder, "train");
  std::uint64_t end = 0;
  std::vector<text::TokenId> ids;
  for (std::uint64_t d = 0; d < shards.documents(); ++d) {
    const std::uint64_t begin = end;
    end = shards.document_end(d);
    if (end < begin || end > shards.tokens()) std::abort();
    ids.resize(end - begin);
    shards.read(begin, std::span(ids));
  }
  for (std::uint64_t t = 0; t < shards.tokens(); t += 1 + shards.tokens() / 64)
    if (shards.document_of(t) >= shards.documents()) std::abort();
} catch (const Error&) {
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::InputFolder folder({"tokens.json", "train-00000.idx", "train-00000.bin"});
  folder.fill(data, size);
  read(folder.path());
  return 0;
}
