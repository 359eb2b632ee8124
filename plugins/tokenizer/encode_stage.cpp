#include "encode_stage.h"

#include <oneapi/tbb/enumerable_thread_specific.h>

#include <chrono>

#include "text/document_flow.h"
#include "text/token_shards.h"
#include "text/tokenizer.h"

namespace lehr::plugins::tokenizer {
namespace {

// The documents of one block. Id: as wide as in the shard.
template <class Id>
struct Encoded {
  text::IdBuffer<Id> ids;
  std::vector<std::size_t> ends;  // of each document, in ids
  std::uint64_t text_bytes = 0;

  void clear() {
    ids.clear();
    ends.clear();
    text_bytes = 0;
  }
};

template <class Id>
text::SplitTotals encode_split(Context& context, const text::Tokenizer& tokenizer,
                               const std::filesystem::path& documents, const char* split) {
  text::TokenShardWriter writer(context.output("tokens"), split, tokenizer.vocab_size());
  tbb::enumerable_thread_specific<text::Tokenizer::Cache> caches;
  text::flow<Encoded<Id>>(
      context, text::data_files(documents, split),
      [&](text::DocumentParser& parser, Encoded<Id>& encoded) {
        encoded.clear();
        text::Tokenizer::Cache& cache = caches.local();
        text::Document document;
        for (std::string_view line; parser.next(document, line);) {
          tokenizer.encode(document.text, encoded.ids, cache);
          encoded.ids.push_back(static_cast<Id>(tokenizer.end_of_text()));
          encoded.ends.push_back(encoded.ids.size());
          encoded.text_bytes += document.text.size();
        }
      },
      [&](Encoded<Id>& encoded) {
        writer.add(encoded.ids.ids(), std::span<const std::size_t>(encoded.ends),
                   encoded.text_bytes);
      });
  return writer.finish();
}

}  // namespace

void Encode::describe(Description& d) {
  d.summary("turns documents into token shards").determinism(Determinism::exact);
  d.input("documents", "documents");
  d.input("tokenizer", "tokenizer").self("T");
  d.output("tokens", "tokens").facet("tokenizer", "T");
}

void Encode::run(Context& context) {
  const auto begin = std::chrono::steady_clock::now();
  const auto documents = context.input("documents").path;
  const auto tokenizer = text::Tokenizer::load(context.input("tokenizer").path);
  const bool narrow = text::fits_u16(tokenizer.vocab_size());
  const auto encode = narrow ? encode_split<std::uint16_t> : encode_split<text::TokenId>;
  const auto eval = encode(context, tokenizer, documents, "eval");
  const auto train = encode(context, tokenizer, documents, "train");
  if (train.documents == 0)
    throw Error(documents.string() + ": holds no training documents (train-*.jsonl.zst)");
  text::write_tokens_json(context.output("tokens"), tokenizer.vocab_size(), train, eval);
  tokenizer.save(context.output("tokens"));

  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const auto bytes = static_cast<double>(train.bytes + eval.bytes);
  context.result("tokens", static_cast<double>(train.tokens));
  context.result("documents", static_cast<double>(train.documents));
  context.result("eval/tokens", static_cast<double>(eval.tokens));
  context.result("bytes_per_token", bytes / static_cast<double>(train.tokens + eval.tokens));
  context.volatile_result("megabytes_per_second", bytes / 1e6 / seconds.count());
}

}  // namespace lehr::plugins::tokenizer
