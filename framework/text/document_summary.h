// What a pass over documents did: how many came in and went out, who was dropped and why, with the
// first few examples of each reason, and how much came from which source. Stages that make
// documents leave it beside them as summary.json; `lehr data` shows it.
//
//   {"version": 1, "documents_in": 9, "documents_out": 7, "bytes_in": 900, "bytes_out": 700,
//    "drops": {"duplicate": {"documents": 2, "examples": [{"id": "b", "text": "beginning"}]}},
//    "only_would_drop": true,     where scores were given and nothing was dropped
//    "replaced": {"emails": 3},   pieces of texts
//    "sources": {"web": {"documents": 7, "bytes": 700, "tokens": 200, "epochs": 1.5}}}
#pragma once

#include <lehr/context.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::text {

struct Drops {
  struct Example {
    std::string id, text;  // text: its beginning
  };
  std::uint64_t documents = 0;
  std::vector<Example> examples;
};

// Of a mix.
struct SourceShare {
  std::uint64_t documents = 0, bytes = 0, tokens = 0;
  double epochs = 0;  // how often its documents went in
};

class DocumentSummary {
 public:
  void clear() { *this = DocumentSummary(); }
  void read(std::string_view text);
  void keep(std::string_view text);
  // reason: its beginning counts. Beyond the first thousand all are "other_reasons".
  void drop(std::string_view reason, std::string_view id, std::string_view text);
  // A document that was kept, and that a reason was found to drop.
  void would_drop(std::string_view reason, std::string_view id, std::string_view text);
  // Further documents dropped for a reason, of which no examples are given.
  void drop_more(std::string_view reason, std::uint64_t documents);
  // Pieces of a kind in texts that something else was put in place of; 0: none was found.
  void replace(std::string_view kind, std::uint64_t pieces);
  // Once for each source of a mix: its documents came in and went out, as often as they did.
  void add_source(const std::string& name, const SourceShare& share);
  // What happened after this.
  void append(const DocumentSummary& later);

  // Results of the stage, and a line of the log for each reason.
  void report(const Context& context) const;
  // The part of it about those that were dropped.
  void report_drops(const Context& context) const;
  // summary.json in the folder of an output.
  void write(const std::filesystem::path& folder) const;
  // Of an artifact; nothing if it has none. Throws Error if it is damaged.
  static std::optional<DocumentSummary> find(const std::filesystem::path& folder);

  std::uint64_t documents_in() const { return documents_in_; }
  std::uint64_t documents_out() const { return documents_out_; }
  std::uint64_t bytes_in() const { return bytes_in_; }
  std::uint64_t bytes_out() const { return bytes_out_; }
  const std::map<std::string, Drops, std::less<>>& drops() const { return drops_; }
  const std::map<std::string, std::uint64_t, std::less<>>& replaced() const { return replaced_; }
  const std::map<std::string, SourceShare>& sources() const { return sources_; }
  // Whether drops() are documents that were kept.
  bool only_would_drop() const { return only_would_drop_; }

  nlohmann::json to_json() const;
  // Throws nlohmann::json::exception.
  static DocumentSummary from_json(const nlohmann::json& json);

 private:
  Drops& drops_for(std::string_view reason);

  std::uint64_t documents_in_ = 0, documents_out_ = 0, bytes_in_ = 0, bytes_out_ = 0;
  bool only_would_drop_ = false;
  std::map<std::string, Drops, std::less<>> drops_;
  std::map<std::string, std::uint64_t, std::less<>> replaced_;
  std::map<std::string, SourceShare> sources_;
};

// At most `bytes` of `text`, whole characters, with … where something is left out.
std::string beginning(std::string_view text, std::size_t bytes);

}  // namespace lehr::text
