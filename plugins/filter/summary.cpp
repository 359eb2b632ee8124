#include "summary.h"

#include <nlohmann/json.hpp>

namespace lehr::plugins::filter {
namespace {

constexpr std::size_t kExamples = 3;
constexpr std::size_t kExampleBytes = 80;

std::string beginning(std::string_view text) {
  if (text.size() <= kExampleBytes) return std::string(text);
  std::size_t end = kExampleBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace

void Summary::read(std::string_view text) {
  ++documents_in_;
  bytes_in_ += text.size();
}

void Summary::keep(std::string_view text) {
  ++documents_out_;
  bytes_out_ += text.size();
}

void Summary::drop(std::string_view reason, std::string_view id, std::string_view text) {
  auto found = drops_.find(reason);
  if (found == drops_.end()) found = drops_.emplace(reason, Drops{}).first;
  Drops& drops = found->second;
  ++drops.documents;
  if (drops.examples.size() < kExamples)
    drops.examples.push_back({std::string(id), beginning(text)});
}

void Summary::append(const Summary& later) {
  documents_in_ += later.documents_in_;
  documents_out_ += later.documents_out_;
  bytes_in_ += later.bytes_in_;
  bytes_out_ += later.bytes_out_;
  for (const auto& [reason, drops] : later.drops_) {
    Drops& all = drops_[reason];
    all.documents += drops.documents;
    for (const auto& example : drops.examples)
      if (all.examples.size() < kExamples) all.examples.push_back(example);
  }
}

void Summary::report(const Context& context) const {
  context.result("documents_in", static_cast<double>(documents_in_));
  context.result("documents_out", static_cast<double>(documents_out_));
  context.result("bytes_in", static_cast<double>(bytes_in_));
  context.result("bytes_out", static_cast<double>(bytes_out_));
  for (const auto& [reason, drops] : drops_) {
    context.result("dropped/" + reason, static_cast<double>(drops.documents));
    std::string line = "dropped " + std::to_string(drops.documents) + " as " + reason;
    for (const auto& example : drops.examples)
      line += "\n  " + example.id + ": " + json_string(example.text);
    context.info(line);
  }
  if (documents_in_ > 0 && documents_out_ == 0)
    context.warning("every document was dropped; see the reasons above and relax the steps");
}

nlohmann::json Summary::to_json() const {
  nlohmann::json drops = nlohmann::json::object();
  for (const auto& [reason, d] : drops_) {
    nlohmann::json examples = nlohmann::json::array();
    for (const auto& e : d.examples) examples.push_back({e.id, e.text});
    drops[reason] = {{"documents", d.documents}, {"examples", examples}};
  }
  return {{"documents_in", documents_in_},
          {"documents_out", documents_out_},
          {"bytes_in", bytes_in_},
          {"bytes_out", bytes_out_},
          {"drops", drops}};
}

Summary Summary::from_json(const nlohmann::json& json) {
  Summary s;
  s.documents_in_ = json.at("documents_in");
  s.documents_out_ = json.at("documents_out");
  s.bytes_in_ = json.at("bytes_in");
  s.bytes_out_ = json.at("bytes_out");
  for (const auto& [reason, d] : json.at("drops").items()) {
    Drops& drops = s.drops_[reason];
    drops.documents = d.at("documents");
    for (const auto& e : d.at("examples")) drops.examples.push_back({e.at(0), e.at(1)});
  }
  return s;
}

}  // namespace lehr::plugins::filter
