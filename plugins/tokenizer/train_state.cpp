#include "train_state.h"

#include "state_file.h"

namespace lehr::plugins::tokenizer {
namespace {

constexpr const char* kWords = "words.bin";

}  // namespace

void TrainState::resume() {
  const auto latest = context_.latest_state();
  if (!latest) return;
  read_state(*latest, [&](const nlohmann::json& state) {
    position = position_of(state.at("position"));
    complete_ = state.at("complete");
    commits_ = state.at("commits").get<std::vector<std::string>>();
  });
  commits_.push_back(latest->tag);
}

void TrainState::commit(text::WordCounts& counts) {
  const auto folder = context_.begin_state();
  counts.move_to(folder / kWords);
  write(folder);
  const std::string tag = "words-" + std::to_string(commits_.size());
  context_.commit_state(tag, commits_);
  commits_.push_back(tag);
}

void TrainState::commit_all(std::span<const text::WordCount> words) {
  const auto folder = context_.begin_state();
  text::write_words(folder / kWords, words);
  complete_ = true;
  commits_.clear();
  write(folder);
  context_.commit_state("all-words");
}

void TrainState::add_to(text::WordCounts& counts) const {
  for (const std::string& tag : commits_) {
    const auto state = context_.find_state(tag);
    if (!state) throw Error("the durable state '" + tag + "' is missing");
    counts.add_file(state->path / kWords);
  }
}

void TrainState::write(const std::filesystem::path& folder) const {
  write_state(folder,
              {{"position", to_json(position)}, {"complete", complete_}, {"commits", commits_}});
}

}  // namespace lehr::plugins::tokenizer
