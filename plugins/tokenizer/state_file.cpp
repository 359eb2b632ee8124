#include "state_file.h"

#include <lehr/value.h>

#include <fstream>

namespace lehr::plugins::tokenizer {
namespace {

constexpr int kVersion = 1;
constexpr const char* kFile = "state.json";

}  // namespace

void write_state(const std::filesystem::path& folder, nlohmann::json state) {
  state["version"] = kVersion;
  std::ofstream out(folder / kFile, std::ios::binary);
  out << state.dump();
  if (!out.flush()) throw Error((folder / kFile).string() + ": could not be written");
}

void read_state(const Context::State& state,
                const std::function<void(const nlohmann::json&)>& read) {
  std::ifstream in(state.path / kFile);
  try {
    const auto json = nlohmann::json::parse(in);
    if (json.at("version") != kVersion) throw Error("another version");
    read(json);
  } catch (const std::exception& e) {
    throw Error((state.path / kFile).string() + ": is damaged or of another version (" + e.what() +
                "); remove this stage's work folder");
  }
}

nlohmann::json to_json(const text::BlockPosition& p) {
  return nlohmann::json::array({p.begun, p.file, p.end_offset, p.end_line});
}

text::BlockPosition position_of(const nlohmann::json& j) {
  return {j.at(0), j.at(1), j.at(2), j.at(3)};
}

}  // namespace lehr::plugins::tokenizer
