#include "mix_state.h"

#include <fstream>
#include <nlohmann/json.hpp>

namespace lehr::plugins::mix {
namespace {

using nlohmann::json;

constexpr int kVersion = 2;
constexpr const char* kState = "state.json";
constexpr const char* kCounts = "counts.bin";

std::string run_name(std::size_t number) { return "run-" + std::to_string(number) + ".bin"; }

json to_json(const text::BlockPosition& p) {
  return json::array({p.begun, p.file, p.end_offset, p.end_line});
}

json to_json(const MixState::Written& w) {
  return {{"offsets", w.offsets},
          {"documents", w.documents},
          {"tokens", w.tokens},
          {"bytes", w.bytes},
          {"shard", {w.shard.shard, w.shard.length}},
          {"train", w.train.numbers()},
          {"eval", w.eval.numbers()},
          {"done", w.done}};
}

MixState::Written written_of(const json& j) {
  return {j.at("offsets"),
          j.at("documents"),
          j.at("tokens"),
          j.at("bytes"),
          {j.at("shard").at(0), j.at("shard").at(1)},
          text::SplitPosition::of(j.at("train")),
          text::SplitPosition::of(j.at("eval")),
          j.at("done")};
}

}  // namespace

MixState::MixState(const Context& context, std::vector<Source>& sources, const MixLimits& limits)
    : context_(context), sources_(sources), limits_(limits) {
  for (auto* amounts : {&written.documents, &written.tokens, &written.bytes})
    amounts->assign(sources.size(), 0);
}

void MixState::resume() {
  const auto latest = context_.latest_state();
  if (!latest) return;
  std::ifstream in(latest->path / kState);
  try {
    const json state = json::parse(in);
    if (state.at("version") != kVersion) throw Error("another version");
    pass = static_cast<Pass>(state.at("pass").get<int>());
    source = state.at("source");
    const json& p = state.at("position");
    position = {p.at(0), p.at(1), p.at(2), p.at(3)};
    commits_ = state.at("commits");
    kept_ = state.at("kept").get<std::vector<std::string>>();
    if (state.at("keeps").get<bool>()) kept_.push_back(latest->tag);
    written = written_of(state.at("written"));
    const auto counted = pass == Pass::counting ? latest : context_.find_state(kept_.at(0));
    if (!counted) throw Error("the durable state '" + kept_.at(0) + "' is missing");
    std::ifstream counts(counted->path / kCounts, std::ios::binary);
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      sources_[i].placing.read_counts(counts);
      const json& cursor = state.at("cursors").at(i);
      sources_[i].placing.go_to({cursor.at(0), cursor.at(1)});
    }
  } catch (const std::exception& e) {
    throw Error((latest->path / kState).string() + ": is damaged or of another version (" +
                e.what() + "); remove this stage's work folder");
  }
}

void MixState::advance(std::uint64_t bytes) {
  uncommitted_ += bytes;
  if (uncommitted_ >= limits_.commit_every) commit();
}

void MixState::next_source() {
  ++source;
  position = {};
}

void MixState::next_pass() {
  if (pass == Pass::sorting && (!held_.empty() || begun_runs_ > 0)) commit();
  pass = pass == Pass::counting ? Pass::sorting : Pass::writing;
  source = 0;
  position = {};
  if (pass == Pass::sorting) commit_pass();
}

void MixState::add(std::uint64_t key, std::string_view record) {
  held_.add(key, record);
  if (held_.memory_bytes() >= limits_.memory_bytes) write_run();
}

const std::filesystem::path& MixState::begun() {
  if (begun_.empty()) begun_ = context_.begin_state();
  return begun_;
}

void MixState::write_run() { held_.write(begun() / run_name(begun_runs_++)); }

void MixState::write(Written now) {
  uncommitted_ += now.done - written.done;
  written = std::move(now);
  if (uncommitted_ >= limits_.commit_every) commit();
}

void MixState::commit() {
  if (uncommitted_ > 0 || !held_.empty() || begun_runs_ > 0) commit_pass();
}

// Counts are in every state of the first pass and in the first of the second, which stays; runs are
// in the states of the second, which stay too.
void MixState::commit_pass() {
  const auto folder = begun();
  const bool counts = pass == Pass::counting || kept_.empty();
  if (!held_.empty()) write_run();
  const bool run = begun_runs_ > 0;
  if (counts) {
    std::ofstream out(folder / kCounts, std::ios::binary);
    for (const Source& s : sources_) s.placing.write_counts(out);
    if (!out.flush()) throw Error((folder / kCounts).string() + ": could not be written");
  }
  const bool keeps = pass == Pass::sorting && (counts || run);
  json cursors = json::array();
  for (const Source& s : sources_) {
    const auto cursor = s.placing.cursor();
    cursors.push_back({cursor.document, cursor.before});
  }
  std::ofstream out(folder / kState, std::ios::binary);
  out << json({{"version", kVersion},
               {"pass", static_cast<int>(pass)},
               {"source", source},
               {"position", to_json(position)},
               {"commits", commits_ + 1},
               {"kept", kept_},
               {"keeps", keeps},
               {"cursors", cursors},
               {"written", to_json(written)}})
             .dump();
  if (!out.flush()) throw Error((folder / kState).string() + ": could not be written");
  const std::string tag = (run ? "run-" : "mix-") + std::to_string(commits_++);
  context_.commit_state(tag, kept_);
  if (keeps) kept_.push_back(tag);
  uncommitted_ = 0;
  begun_.clear();
  begun_runs_ = 0;
}

std::vector<std::filesystem::path> MixState::runs() const {
  std::vector<std::filesystem::path> files;
  for (const std::string& tag : kept_) {
    if (!tag.starts_with("run-")) continue;
    const auto state = context_.find_state(tag);
    if (!state) throw Error("the durable state '" + tag + "' is missing");
    for (std::size_t i = 0; std::filesystem::exists(state->path / run_name(i)); ++i)
      files.push_back(state->path / run_name(i));
  }
  return files;
}

}  // namespace lehr::plugins::mix
