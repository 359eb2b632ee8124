#include "filter_state.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace lehr::plugins::filter {
namespace {

constexpr int kVersion = 2;

std::filesystem::path hash_file(const std::filesystem::path& folder, std::size_t dedup) {
  return folder / ("seen-" + std::to_string(dedup) + ".bin");
}

void write(const std::filesystem::path& path, const char* bytes, std::size_t size) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes, static_cast<std::streamsize>(size));
  if (!out.flush()) throw Error(path.string() + ": could not be written");
}

void read_hashes(const std::filesystem::path& path, SeenTexts& seen) {
  std::ifstream in(path, std::ios::binary);
  TextHash hash;
  while (in.read(reinterpret_cast<char*>(&hash), sizeof hash)) seen.add(hash);
  if (in.gcount() != 0 || !in.eof()) throw Error(path.string() + ": is damaged");
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
    if (seen_.empty()) break;
    const auto state = context_.find_state(tag);
    if (!state) throw Error("the durable state '" + tag + "' is missing");
    for (std::size_t i = 0; i < seen_.size(); ++i) read_hashes(hash_file(state->path, i), seen_[i]);
  }
  return true;
}

void FilterState::add(const DocumentBlock& block, const Position& position) {
  position_ = position;
  summary_.append(block.summary());
  new_hashes_.resize(seen_.size());
  for (std::size_t i = 0; i < seen_.size(); ++i)
    new_hashes_[i].insert(new_hashes_[i].end(), block.added[i].begin(), block.added[i].end());
}

void FilterState::commit() {
  if (seen_.empty()) commits_.clear();  // nothing of the older ones is needed
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
  new_hashes_.resize(seen_.size());
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    write(hash_file(folder, i), reinterpret_cast<const char*>(new_hashes_[i].data()),
          new_hashes_[i].size() * sizeof(TextHash));
    new_hashes_[i].clear();
  }
  const std::string tag =
      std::to_string(position_.file) + "-" + std::to_string(position_.end_offset);
  context_.commit_state(tag, commits_);
  commits_.push_back(tag);
}

}  // namespace lehr::plugins::filter
