#include "encode_state.h"

#include <string>

#include "state_file.h"

namespace lehr::plugins::tokenizer {
namespace {

using nlohmann::json;

json to_json(const text::SplitPosition& p) {
  return {{"tokens", p.totals.tokens},
          {"documents", p.totals.documents},
          {"bytes", p.totals.bytes},
          {"shard", {p.shard, p.tokens, p.documents}}};
}

text::SplitPosition split_of(const json& j) {
  const json& shard = j.at("shard");
  return {
      {j.at("tokens"), j.at("documents"), j.at("bytes")}, shard.at(0), shard.at(1), shard.at(2)};
}

}  // namespace

EncodeState EncodeState::latest(const Context& context) {
  EncodeState state;
  if (const auto latest = context.latest_state())
    read_state(*latest, [&](const json& j) {
      state = {position_of(j.at("position")), split_of(j.at("eval")), split_of(j.at("train"))};
    });
  return state;
}

void EncodeState::commit(const Context& context) const {
  write_state(
      context.begin_state(),
      {{"position", to_json(position)}, {"eval", to_json(eval)}, {"train", to_json(train)}});
  context.commit_state(std::to_string(position.file) + "-" + std::to_string(position.end_offset));
}

}  // namespace lehr::plugins::tokenizer
