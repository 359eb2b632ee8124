#include "minhash_state.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "band_runs.h"

namespace lehr::plugins::minhash {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr const char* kState = "state.json";
constexpr const char* kRun = "run.bin";
constexpr const char* kRoots = "roots.bin";
constexpr const char* kClusters = "clusters";  // tag

json to_json(const text::BlockPosition& p) {
  return json::array({p.begun, p.file, p.end_offset, p.end_line});
}

text::BlockPosition position_of(const json& j) { return {j.at(0), j.at(1), j.at(2), j.at(3)}; }

json to_json(const SignState& s) {
  return {{"position", to_json(s.position)},
          {"documents", s.documents},
          {"without_shingles", s.without_shingles},
          {"runs", s.runs},
          {"complete", s.complete}};
}

SignState sign_state_of(const json& j) {
  return {position_of(j.at("position")), j.at("documents"), j.at("without_shingles"),
          j.at("runs").get<std::vector<std::string>>(), j.at("complete")};
}

json to_json(const ClusterSummary& s) {
  json examples = json::array();
  for (const auto& e : s.examples)
    examples.push_back({{"size", e.size}, {"documents", e.documents}});
  return {{"clusters", s.clusters},
          {"dropped", s.dropped},
          {"largest", s.largest},
          {"sizes", s.sizes},
          {"examples", examples}};
}

ClusterSummary cluster_summary_of(const json& j) {
  ClusterSummary s{j.at("clusters"),
                   j.at("dropped"),
                   j.at("largest"),
                   j.at("sizes").get<std::map<std::uint64_t, std::uint64_t>>(),
                   {}};
  for (const json& e : j.at("examples"))
    s.examples.push_back({e.at("size"), e.at("documents").get<std::vector<std::uint32_t>>()});
  return s;
}

json to_json(const WriteState& s) {
  json examples = json::array();
  for (const auto& e : s.examples) examples.push_back({e.document, e.id, e.text});
  return {{"position", to_json(s.position)},
          {"documents", s.documents},
          {"seen", s.seen},
          {"output_length", s.output_length},
          {"without_shingles", s.without_shingles},
          {"clusters", to_json(s.clusters)},
          {"summary", s.summary.to_json()},
          {"examples", examples}};
}

WriteState write_state_of(const json& j) {
  WriteState s{position_of(j.at("position")),
               j.at("documents"),
               j.at("seen"),
               j.at("output_length"),
               j.at("without_shingles"),
               cluster_summary_of(j.at("clusters")),
               text::DocumentSummary::from_json(j.at("summary")),
               {}};
  for (const json& e : j.at("examples")) s.examples.push_back({e.at(0), e.at(1), e.at(2)});
  return s;
}

void write_json(const std::filesystem::path& folder, json state) {
  state["version"] = kVersion;
  std::ofstream out(folder / kState, std::ios::binary);
  out << state.dump();
  if (!out.flush()) throw Error((folder / kState).string() + ": could not be written");
}

}  // namespace

void MinhashState::resume() {
  const auto latest = context_.latest_state();
  if (!latest) return;
  std::ifstream in(latest->path / kState);
  try {
    const json state = json::parse(in);
    if (state.at("version") != kVersion) throw Error("another version");
    writing_ = state.contains("write");
    if (writing_)
      write = write_state_of(state.at("write"));
    else
      sign = sign_state_of(state.at("sign"));
  } catch (const std::exception& e) {
    throw Error((latest->path / kState).string() + ": is damaged or of another version (" +
                e.what() + "); remove this stage's work folder");
  }
}

void MinhashState::commit_run(std::vector<BandRecord>& records) {
  const auto earlier = sign.runs;
  const std::string tag = "run-" + std::to_string(earlier.size());
  const auto folder = context_.begin_state();
  write_run(folder / kRun, records);
  sign.runs.push_back(tag);
  write_json(folder, {{"sign", to_json(sign)}});
  context_.commit_state(tag, earlier);
}

std::vector<std::filesystem::path> MinhashState::run_files() const {
  std::vector<std::filesystem::path> files;
  for (const std::string& tag : sign.runs) {
    const auto state = context_.find_state(tag);
    if (!state) throw Error("the durable state '" + tag + "' is missing");
    files.push_back(state->path / kRun);
  }
  return files;
}

void MinhashState::commit_clusters(const Clusters& clusters) {
  const auto folder = context_.begin_state();
  clusters.write(folder / kRoots);
  write_json(folder, {{"write", to_json(write)}});
  context_.commit_state(kClusters);
  writing_ = true;
}

Clusters MinhashState::read_clusters() const {
  const auto state = context_.find_state(kClusters);
  if (!state) throw Error("the durable state 'clusters' is missing");
  return Clusters(state->path / kRoots, write.documents);
}

void MinhashState::commit_written() {
  const auto folder = context_.begin_state();
  write_json(folder, {{"write", to_json(write)}});
  context_.commit_state("written-" + std::to_string(write.seen), {kClusters});
}

}  // namespace lehr::plugins::minhash
