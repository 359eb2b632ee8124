#include "exact_dedup.h"

#include <cstring>

#include "document_block.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace lehr::plugins::filter {
namespace {

constexpr std::size_t kAhead = 8;  // keys whose places are loaded before they are asked for

}  // namespace

TextHash hash_text(std::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {hash.low64, hash.high64};
}

void ExactDedup::describe(Description& d) {
  d.summary("drops documents whose text was seen before; the first one stays");
  d.bytes("memory", memory)
      .at_least(1 << 20)
      .no_effect()
      .help("for the hashes of different texts, 20 to 30 bytes each; more of them go to disk");
}

void SeenTexts::hash(DocumentBlock& block) const {
  block.text_hashes.clear();
  for (const auto& d : block.documents()) block.text_hashes.push_back(hash_text(view(d.text)));
}

void SeenTexts::decide(DocumentBlock& block, std::string& added) {
  const auto& hashes = block.text_hashes;
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    if (i + kAhead < hashes.size()) seen_.prefetch(hashes[i + kAhead]);
    if (seen_.add(hashes[i]))
      added.append(reinterpret_cast<const char*>(&hashes[i]), sizeof(TextHash));
    else
      block.drop(i, kReason);
  }
  block.remove_dropped();
}

void SeenTexts::remember(std::string_view added) {
  for (TextHash hash; added.size() >= sizeof hash; added.remove_prefix(sizeof hash)) {
    std::memcpy(&hash, added.data(), sizeof hash);
    seen_.add(hash);
  }
}

}  // namespace lehr::plugins::filter
