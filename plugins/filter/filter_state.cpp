#include "filter_state.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace lehr::plugins::filter {
namespace {

constexpr int kVersion = 2;

std::filesystem::path added_file(const std::filesystem::path& folder, std::size_t ordered) {
  return folder / ("seen-" + std::to_string(ordered) + ".bin");
}

void write(const std::filesystem::path& path, const char* bytes, std::size_t size) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes, static_cast<std::streamsize>(size));
  if (!out.flush()) throw Error(path.string() + ": could not be written");
}

void read_added(const std::filesystem::path& path, OrderedStep& step) {
  std::ifstream in(path, std::ios::binary);
  std::string part(1 << 20, '\0');  // a multiple of every key's size
  while (in.read(part.data(), static_cast<std::streamsize>(part.size())) || in.gcount() > 0) {
    if (in.gcount() % 8 != 0) throw Error(path.string() + ": is damaged");
    step.remember(std::string_view(part).substr(0, static_cast<std::size_t>(in.gcount())));
  }
  if (!in.eof()) throw Error(path.string() + ": cannot be read");
}

}  // namespace

bool FilterState::resume() {
  const auto latest = context_.latest_state();
  if (!latest) return false;
  std::ifstream in(latest->path / "state.json");
  const auto json = nlohmann::json::parse(in, nullptr, false);
  if (json.is_discarded() || json.value("version", 0) != kVersion)
    throw Error((latest->path / "state.json").string() +
                ": is damaged or of another version; remove this stage's work folder");
  position_.file = json.at("file");
  position_.end_offset = json.at("end_offset");
  position_.end_line = json.at("end_line");
  position_.output_length = json.at("output_length");
  summary_ = text::DocumentSummary::from_json(json.at("summary"));
  commits_ = json.at("commits").get<std::vector<std::string>>();
  commits_.push_back(latest->tag);
  for (const std::string& tag : commits_) {
    if (ordered_.empty()) break;
    const auto state = context_.find_state(tag);
    if (!state) throw Error("the durable state '" + tag + "' is missing");
    for (std::size_t i = 0; i < ordered_.size(); ++i)
      read_added(added_file(state->path, i), *ordered_[i]);
  }
  return true;
}

void FilterState::add(const DocumentBlock& block, const Position& position) {
  position_ = position;
  summary_.append(block.summary());
  for (std::size_t i = 0; i < added_.size(); ++i) added_[i] += block.added[i];
}

void FilterState::commit() {
  if (ordered_.empty()) commits_.clear();  // nothing of the older ones is needed
  const std::filesystem::path folder = context_.begin_state();
  const std::string json = nlohmann::json({{"version", kVersion},
                                           {"file", position_.file},
                                           {"end_offset", position_.end_offset},
                                           {"end_line", position_.end_line},
                                           {"output_length", position_.output_length},
                                           {"summary", summary_.to_json()},
                                           {"commits", commits_}})
                               .dump();
  write(folder / "state.json", json.data(), json.size());
  for (std::size_t i = 0; i < added_.size(); ++i) {
    write(added_file(folder, i), added_[i].data(), added_[i].size());
    added_[i].clear();
  }
  const std::string tag =
      std::to_string(position_.file) + "-" + std::to_string(position_.end_offset);
  context_.commit_state(tag, commits_);
  commits_.push_back(tag);
}

}  // namespace lehr::plugins::filter
