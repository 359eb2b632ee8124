#include "megatron_stage.h"

#include "megatron_files.h"
#include "megatron_state.h"
#include "text/document_weights.h"
#include "text/token_shards.h"
#include "text/tokenizer.h"

namespace lehr::plugins::tokenizer {

void Megatron::describe(Description& d) {
  d.summary("writes tokens as the .bin and .idx of Megatron-LM").determinism(Determinism::exact);
  d.input("tokens", "tokens").facet("tokenizer", "T");
  d.output("dataset", "megatron_dataset").facet("tokenizer", "T");
  d.bytes("commit_every", commit_every_)
      .at_least(1)
      .no_effect()
      .help("output between two durable states; a killed stage repeats at most this much");
}

void Megatron::run(Context& context) {
  const auto tokens = context.input("tokens").path, folder = context.output("dataset");
  const bool narrow = text::fits_u16(text::read_tokens_json(tokens).vocab_size);
  const text::TokenShards train(tokens, "train"), eval(tokens, "eval");
  auto state = MegatronState::latest(context);
  std::uint64_t durable = state.at.bytes;  // of this split
  const auto write = [&](const char* split, const text::TokenShards& shards, std::uint64_t before) {
    const auto look_around = [&](const MegatronPosition& at) {
      state.at = at;
      const bool ids = at.part == MegatronPosition::Part::ids;
      context.progress(before + (ids ? at.next : shards.tokens()), train.tokens() + eval.tokens(),
                       "tokens");
      const bool cancelled = context.cancelled();
      const std::uint64_t least = cancelled ? 1 : static_cast<std::uint64_t>(commit_every_);
      if (at.bytes >= durable + least) {
        state.commit(context);
        durable = at.bytes;
      }
      if (cancelled) throw Cancelled();
    };
    if (shards.documents() > 0)
      write_megatron_files(shards, narrow, folder / split, state.at, look_around);
  };
  if (text::has_document_weights(tokens, "train"))
    context.warning(
        "the documents have weights, for which the format has no place: all count alike");
  if (!state.train) {
    write("eval", eval, 0);
    state = {true, {}};
    durable = 0;
  }
  write("train", train, eval.tokens());
  text::Tokenizer::load(tokens).save(folder);
  context.result("tokens", static_cast<double>(train.tokens()));
  context.result("documents", static_cast<double>(train.documents()));
  context.result("eval/tokens", static_cast<double>(eval.tokens()));
}

}  // namespace lehr::plugins::tokenizer
