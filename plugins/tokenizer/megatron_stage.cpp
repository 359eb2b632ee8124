#include "megatron_stage.h"

#include <tuple>

#include "megatron_files.h"
#include "text/token_shards.h"
#include "text/tokenizer.h"

namespace lehr::plugins::tokenizer {

void Megatron::describe(Description& d) {
  d.summary("writes tokens as the .bin and .idx of Megatron-LM").determinism(Determinism::exact);
  d.input("tokens", "tokens").facet("tokenizer", "T");
  d.output("dataset", "megatron_dataset").facet("tokenizer", "T");
}

void Megatron::run(Context& context) {
  const auto tokens = context.input("tokens").path, folder = context.output("dataset");
  const bool narrow = text::fits_u16(text::read_tokens_json(tokens).vocab_size);
  const text::TokenShards train(tokens, "train"), eval(tokens, "eval");
  const std::uint64_t total = train.tokens() + eval.tokens();
  for (const auto& [split, shards, before] :
       {std::tuple{"eval", &eval, std::uint64_t{0}}, std::tuple{"train", &train, eval.tokens()}}) {
    if (shards->documents() == 0) continue;
    write_megatron_files(*shards, narrow, folder / split, [&](std::uint64_t done) {
      context.progress(before + done, total, "tokens");
      if (context.cancelled()) throw Cancelled();
    });
  }
  text::Tokenizer::load(tokens).save(folder);
  context.result("tokens", static_cast<double>(train.tokens()));
  context.result("documents", static_cast<double>(train.documents()));
  context.result("eval/tokens", static_cast<double>(eval.tokens()));
}

}  // namespace lehr::plugins::tokenizer
