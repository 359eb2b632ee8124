#include "text/document_summary.h"

#include <lehr/description.h>
#include <lehr/value.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "text/strict_json.h"

namespace lehr::text {
namespace {

constexpr int kVersion = 1;
constexpr std::size_t kExamplesOfAReason = 3;
constexpr std::size_t kMostReasons = 1000;
constexpr std::size_t kReasonBytes = 200;
constexpr const char* kOtherReasons = "other_reasons";
constexpr std::size_t kExampleBytes = 400;    // kept
constexpr std::size_t kLogBytes = 80;         // shown in the log
constexpr std::size_t kFileBytes = 64 << 20;  // a larger summary.json is damaged
constexpr const char* kFile = "summary.json";

}  // namespace

std::string beginning(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  std::size_t end = bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

void DocumentSummary::read(std::string_view text) {
  ++documents_in_;
  bytes_in_ += text.size();
}

void DocumentSummary::keep(std::string_view text) {
  ++documents_out_;
  bytes_out_ += text.size();
}

void DocumentSummary::drop(std::string_view reason, std::string_view id, std::string_view text) {
  Drops& drops = drops_for(reason);
  ++drops.documents;
  if (drops.examples.size() < kExamplesOfAReason)
    drops.examples.push_back({beginning(id, kExampleBytes), beginning(text, kExampleBytes)});
}

// A step of others that names each document, or what it measured, does not fill the memory.
Drops& DocumentSummary::drops_for(std::string_view reason) {
  std::string cut;
  if (reason.size() > kReasonBytes) reason = cut = beginning(reason, kReasonBytes);
  const auto found = drops_.find(reason);
  if (found != drops_.end()) return found->second;
  return drops_[drops_.size() < kMostReasons ? std::string(reason) : kOtherReasons];
}

void DocumentSummary::would_drop(std::string_view reason, std::string_view id,
                                 std::string_view text) {
  only_would_drop_ = true;
  drop(reason, id, text);
}

void DocumentSummary::drop_more(std::string_view reason, std::uint64_t documents) {
  if (documents > 0) drops_for(reason).documents += documents;
}

void DocumentSummary::replace(std::string_view kind, std::uint64_t pieces) {
  const auto found = replaced_.find(kind);
  if (found != replaced_.end())
    found->second += pieces;
  else
    replaced_.emplace(kind, pieces);
}

void DocumentSummary::add_source(const std::string& name, const SourceShare& share) {
  sources_[name] = share;
  documents_in_ += share.documents;
  documents_out_ += share.documents;
  bytes_in_ += share.bytes;
  bytes_out_ += share.bytes;
}

void DocumentSummary::append(const DocumentSummary& later) {
  documents_in_ += later.documents_in_;
  documents_out_ += later.documents_out_;
  bytes_in_ += later.bytes_in_;
  bytes_out_ += later.bytes_out_;
  only_would_drop_ = only_would_drop_ || later.only_would_drop_;
  for (const auto& [reason, drops] : later.drops_) {
    Drops& all = drops_for(reason);
    all.documents += drops.documents;
    for (const auto& example : drops.examples)
      if (all.examples.size() < kExamplesOfAReason) all.examples.push_back(example);
  }
  for (const auto& [kind, pieces] : later.replaced_) replace(kind, pieces);
  for (const auto& [name, share] : later.sources_) {
    SourceShare& all = sources_[name];
    all.documents += share.documents;
    all.bytes += share.bytes;
    all.tokens += share.tokens;
    all.epochs += share.epochs;
  }
}

void DocumentSummary::report(const Context& context) const {
  context.result("documents_in", static_cast<double>(documents_in_));
  context.result("documents_out", static_cast<double>(documents_out_));
  context.result("bytes_in", static_cast<double>(bytes_in_));
  context.result("bytes_out", static_cast<double>(bytes_out_));
  for (const auto& [kind, pieces] : replaced_)
    context.result("replaced/" + kind, static_cast<double>(pieces));
  report_drops(context);
  if (documents_in_ > 0 && documents_out_ == 0)
    context.warning("every document was dropped; see the reasons above and relax the steps");
}

void DocumentSummary::report_drops(const Context& context) const {
  for (const auto& [reason, drops] : drops_) {
    context.result((only_would_drop_ ? "would_drop/" : "dropped/") + reason,
                   static_cast<double>(drops.documents));
    std::string line = (only_would_drop_ ? "would drop " : "dropped ") +
                       std::to_string(drops.documents) + " as " + reason;
    for (const auto& example : drops.examples)
      line += "\n  " + example.id + ": " + json_string(beginning(example.text, kLogBytes));
    context.info(line);
  }
}

void DocumentSummary::write(const std::filesystem::path& folder) const {
  nlohmann::json json = to_json();
  json["version"] = kVersion;
  std::ofstream out(folder / kFile, std::ios::binary | std::ios::trunc);
  out << json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  out.close();
  if (!out) throw Error((folder / kFile).string() + ": could not be written. Is the disk full?");
}

std::optional<DocumentSummary> DocumentSummary::find(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kFile;
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return std::nullopt;
  if (size > kFileBytes) throw Error(path.string() + ": is larger than a summary can be");
  std::ifstream in(path, std::ios::binary);
  std::string text(size, '\0');
  in.read(text.data(), static_cast<std::streamsize>(size));
  try {
    const auto json = parse_json<nlohmann::json>(text);
    if (json.at("version") != kVersion)
      throw Error(path.string() + ": is of version " + json.at("version").dump() +
                  ", which this Lehr does not know");
    return from_json(json);
  } catch (const JsonError& e) {
    throw Error(path.string() + ": " + e.what());
  } catch (const nlohmann::json::exception& e) {
    throw Error(path.string() + ": is damaged: " + e.what());
  }
}

nlohmann::json DocumentSummary::to_json() const {
  nlohmann::json drops = nlohmann::json::object();
  for (const auto& [reason, d] : drops_) {
    nlohmann::json examples = nlohmann::json::array();
    for (const auto& e : d.examples) examples.push_back({{"id", e.id}, {"text", e.text}});
    drops[reason] = {{"documents", d.documents}, {"examples", examples}};
  }
  nlohmann::json out = {{"documents_in", documents_in_},
                        {"documents_out", documents_out_},
                        {"bytes_in", bytes_in_},
                        {"bytes_out", bytes_out_},
                        {"drops", drops}};
  if (only_would_drop_) out["only_would_drop"] = true;
  for (const auto& [kind, pieces] : replaced_) out["replaced"][kind] = pieces;
  for (const auto& [name, s] : sources_)
    out["sources"][name] = {
        {"documents", s.documents}, {"bytes", s.bytes}, {"tokens", s.tokens}, {"epochs", s.epochs}};
  return out;
}

DocumentSummary DocumentSummary::from_json(const nlohmann::json& json) {
  DocumentSummary s;
  s.documents_in_ = json.at("documents_in");
  s.documents_out_ = json.at("documents_out");
  s.bytes_in_ = json.at("bytes_in");
  s.bytes_out_ = json.at("bytes_out");
  s.only_would_drop_ = json.value("only_would_drop", false);
  for (const auto& [reason, d] : json.at("drops").items()) {
    Drops& drops = s.drops_[reason];
    drops.documents = d.at("documents");
    for (const auto& e : d.at("examples")) drops.examples.push_back({e.at("id"), e.at("text")});
  }
  if (json.contains("replaced"))
    for (const auto& [kind, pieces] : json.at("replaced").items()) s.replace(kind, pieces);
  if (json.contains("sources"))
    for (const auto& [name, share] : json.at("sources").items())
      s.sources_[name] = {share.at("documents"), share.at("bytes"), share.at("tokens"),
                          share.at("epochs")};
  return s;
}

}  // namespace lehr::text
