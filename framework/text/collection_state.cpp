#include "text/collection_state.h"

#include <lehr/value.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace lehr::text {
namespace {

constexpr int kVersion = 1;
constexpr const char* kFile = "state.json";

}  // namespace

bool CollectionState::resume() {
  const auto latest = context_.latest_state();
  if (!latest) return false;
  std::ifstream in(latest->path / kFile);
  const auto json = nlohmann::json::parse(in, nullptr, false);
  if (json.is_discarded() || json.value("version", 0) != kVersion)
    throw Error((latest->path / kFile).string() +
                ": is damaged or of another version; remove this stage's work folder");
  progress.position = {json.at("source"), json.at("offset"), json.at("line")};
  for (std::size_t i = 0; i < 2; ++i) {
    progress.shards[i] = {json.at("shards").at(i).at(0), json.at("shards").at(i).at(1)};
    progress.documents[i] = json.at("documents").at(i);
  }
  progress.tally = {DocumentSummary::from_json(json.at("summary")), json.at("replaced"),
                    json.value("without_id", std::uint64_t{0})};
  return true;
}

void CollectionState::commit() const {
  const std::filesystem::path folder = context_.begin_state();
  const auto shard = [&](std::size_t i) {
    return nlohmann::json::array({progress.shards[i].shard, progress.shards[i].length});
  };
  const nlohmann::json json = {{"version", kVersion},
                               {"source", progress.position.source},
                               {"offset", progress.position.offset},
                               {"line", progress.position.line},
                               {"shards", {shard(0), shard(1)}},
                               {"documents", progress.documents},
                               {"replaced", progress.tally.replaced},
                               {"without_id", progress.tally.without_id},
                               {"summary", progress.tally.summary.to_json()}};
  std::ofstream out(folder / kFile, std::ios::binary);
  out << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  out.close();
  if (!out) throw Error((folder / kFile).string() + ": could not be written");
  context_.commit_state(std::to_string(progress.position.source) + "-" +
                        std::to_string(progress.position.offset));
}

void CollectionState::report(const std::filesystem::path& folder, const std::string& files) const {
  const DocumentSummary& summary = progress.tally.summary;
  const auto [train, eval] = progress.documents;
  if (train + eval == 0) {
    summary.report_drops(context_);
    throw Error("there is no document in " + files +
                (summary.drops().empty() ? "" : ": all were dropped; see the reasons above"));
  }
  if (train == 0) context_.warning("there is no document to train on, only for evaluation");
  if (progress.tally.without_id > 0)
    context_.warning(std::to_string(progress.tally.without_id) +
                     " rows have no member that id_field names; file and line are their id");
  context_.result("documents_train", static_cast<double>(train));
  context_.result("documents_eval", static_cast<double>(eval));
  context_.result("text_bytes", static_cast<double>(summary.bytes_out()));
  context_.result("replaced/invalid_utf8", static_cast<double>(progress.tally.replaced));
  for (const char* reason : {"malformed", "invalid_utf8"})  // told also when there are none
    if (!summary.drops().contains(reason)) context_.result(std::string("dropped/") + reason, 0);
  summary.report_drops(context_);
  summary.write(folder);
}

}  // namespace lehr::text
