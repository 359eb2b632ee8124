#include "megatron_state.h"

#include <string>

#include "state_file.h"

namespace lehr::plugins::tokenizer {

MegatronState MegatronState::latest(const Context& context) {
  MegatronState state;
  if (const auto latest = context.latest_state())
    read_state(*latest, [&](const nlohmann::json& j) {
      const auto part = static_cast<MegatronPosition::Part>(j.at("part").get<int>());
      state = {j.at("train"), {part, j.at("next"), j.at("bytes")}};
    });
  return state;
}

void MegatronState::commit(const Context& context) const {
  write_state(context.begin_state(), {{"train", train},
                                      {"part", static_cast<int>(at.part)},
                                      {"next", at.next},
                                      {"bytes", at.bytes}});
  context.commit_state((train ? "train-" : "eval-") + std::to_string(at.bytes));
}

}  // namespace lehr::plugins::tokenizer
