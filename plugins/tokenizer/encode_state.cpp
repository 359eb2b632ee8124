#include "encode_state.h"

#include <string>

#include "state_file.h"

namespace lehr::plugins::tokenizer {

EncodeState EncodeState::latest(const Context& context) {
  EncodeState state;
  if (const auto latest = context.latest_state())
    read_state(*latest, [&](const nlohmann::json& j) {
      const auto split = [&](const char* name) { return text::SplitPosition::of(j.at(name)); };
      state = {position_of(j.at("position")), split("eval"), split("train")};
    });
  return state;
}

void EncodeState::commit(const Context& context) const {
  write_state(
      context.begin_state(),
      {{"position", to_json(position)}, {"eval", eval.numbers()}, {"train", train.numbers()}});
  context.commit_state(std::to_string(position.file) + "-" + std::to_string(position.end_offset));
}

}  // namespace lehr::plugins::tokenizer
