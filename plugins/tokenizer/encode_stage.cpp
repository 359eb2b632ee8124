#include "encode_stage.h"

#include <oneapi/tbb/enumerable_thread_specific.h>

#include <chrono>

#include "document_weight.h"
#include "encode_state.h"
#include "text/document_flow.h"
#include "text/document_weights.h"
#include "text/token_shards.h"
#include "text/tokenizer.h"

namespace lehr::plugins::tokenizer {
namespace {

// The documents of one block. Id: as wide as in the shard.
template <class Id>
struct Encoded {
  text::IdBuffer<Id> ids;
  std::vector<std::size_t> ends;  // of each document, in ids
  std::vector<float> weights;     // of each, where they have some
  std::uint64_t text_bytes = 0;

  void clear() {
    ids.clear();
    ends.clear();
    weights.clear();
    text_bytes = 0;
  }
};

struct Totals {
  text::SplitTotals eval, train;
};

// Goes on behind `state`.
template <class Id>
Totals encode_documents(Context& context, const text::Tokenizer& tokenizer, EncodeState state,
                        std::uint64_t commit_every, text::Specials specials,
                        const std::optional<std::string>& weight_field) {
  const auto documents = context.input("documents").path, folder = context.output("tokens");
  auto files = text::data_files(documents, "eval");
  const std::size_t eval_files = files.size();
  for (auto& file : text::data_files(documents, "train")) files.push_back(std::move(file));
  const auto writer = [&](const char* split, const text::SplitPosition& position) {
    return text::TokenShardWriter(folder, split, tokenizer.vocab_size(),
                                  text::TokenShardWriter::kShardTokens, position);
  };
  auto eval = writer("eval", state.eval), train = writer("train", state.train);
  const auto weight_writer = [&](const char* split, const text::SplitPosition& position) {
    return text::DocumentWeightWriter(folder, split, weight_field ? position.totals.documents : 0);
  };
  auto eval_weights = weight_writer("eval", state.eval),
       train_weights = weight_writer("train", state.train);
  const auto commit = [&] {
    eval_weights.flush();
    train_weights.flush();
    state.eval = eval.position();
    state.train = train.position();
    state.commit(context);
  };
  tbb::enumerable_thread_specific<text::Tokenizer::Cache> caches;
  tbb::enumerable_thread_specific<DocumentWeight> weights(weight_field.value_or(""));
  text::flow<Encoded<Id>>(
      context, files, text::Durable{state.position, commit_every, commit},
      [&](text::DocumentParser& parser, Encoded<Id>& encoded) {
        encoded.clear();
        text::Tokenizer::Cache& cache = caches.local();
        text::Document document;
        for (std::string_view line; parser.next(document, line);) {
          tokenizer.encode(document.text, encoded.ids, cache, specials);
          encoded.ids.push_back(static_cast<Id>(tokenizer.end_of_text()));
          encoded.ends.push_back(encoded.ids.size());
          encoded.text_bytes += document.text.size();
          if (weight_field) encoded.weights.push_back(weights.local().of(document));
        }
      },
      [&](Encoded<Id>& encoded) {
        const bool held_out = state.position.file < eval_files;
        (held_out ? eval : train)
            .add(encoded.ids.ids(), std::span<const std::size_t>(encoded.ends), encoded.text_bytes);
        (held_out ? eval_weights : train_weights).add(encoded.weights);
      });
  eval_weights.flush();
  train_weights.flush();
  return {eval.finish(), train.finish()};
}

}  // namespace

void Encode::describe(Description& d) {
  d.summary("turns documents into token shards").determinism(Determinism::exact);
  d.input("documents", "documents");
  d.input("tokenizer", "tokenizer").self("T");
  d.output("tokens", "tokens").facet("tokenizer", "T");
  d.boolean("match_special_tokens", match_special_tokens_)
      .help(
          "those that a document holds, as \"<|im_end|>\", become their ids; false: they are "
          "ordinary text, so that nobody can write one by typing it");
  d.text("weight_field", weight_field_)
      .help(
          "the member of documents that says how much a document counts in pretraining's loss, a "
          "number of 0 or more; null: all count 1");
  d.bytes("commit_every", commit_every_)
      .at_least(1)
      .no_effect()
      .help("text between two durable states; a killed stage repeats at most this much");
}

void Encode::estimate(const std::vector<Input>& inputs, Estimate& out) {
  for (const Input& in : inputs) {
    if (in.port != "tokenizer") continue;
    if (!in.path.empty())
      out.outputs["tokens"] =
          "{\"vocab_size\":" + std::to_string(text::Tokenizer::load(in.path).vocab_size()) + "}";
    else if (!in.facts.empty())
      out.outputs["tokens"] = in.facts;
  }
}

void Encode::run(Context& context) {
  const auto begin = std::chrono::steady_clock::now();
  const auto tokenizer = text::Tokenizer::load(context.input("tokenizer").path);
  const bool narrow = text::fits_u16(tokenizer.vocab_size());
  const auto encode = narrow ? encode_documents<std::uint16_t> : encode_documents<text::TokenId>;
  const auto state = EncodeState::latest(context);
  const auto [eval, train] = encode(
      context, tokenizer, state, static_cast<std::uint64_t>(commit_every_),
      match_special_tokens_ ? text::Specials::match : text::Specials::as_text, weight_field_);
  if (train.documents == 0)
    throw Error(context.input("documents").path.string() +
                ": holds no training documents (train-*.jsonl.zst)");
  text::write_tokens_json(context.output("tokens"), tokenizer.vocab_size(), train, eval);
  tokenizer.save(context.output("tokens"));

  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const auto bytes = static_cast<double>(train.bytes + eval.bytes);
  context.result("tokens", static_cast<double>(train.tokens));
  context.result("documents", static_cast<double>(train.documents));
  context.result("eval/tokens", static_cast<double>(eval.tokens));
  context.result("bytes_per_token", bytes / static_cast<double>(train.tokens + eval.tokens));
  const auto earlier = static_cast<double>(state.train.totals.bytes + state.eval.totals.bytes);
  context.volatile_result("megabytes_per_second", (bytes - earlier) / 1e6 / seconds.count());
}

}  // namespace lehr::plugins::tokenizer
