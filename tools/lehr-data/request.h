// What `lehr` asks lehr-data to show; it has found the artifact and checked the options. Passed as
// one argument of JSON.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace lehr::data {

inline constexpr const char* kUsualField = "source";

struct Request {
  std::filesystem::path folder;  // the artifact
  std::string type;              // "documents", "tokens", ...
  std::string title;             // what the user called it
  std::string split = "train";
  std::uint64_t count = 5, seed = 0;
  std::uint64_t characters = 800;   // of each document; 0: all
  std::filesystem::path tokenizer;  // its artifact; empty: none given
  std::string dropped;              // reason; "": not asked for, "*": all
  bool ids = false;                 // of every token, one a line
  bool color = false;
  std::string by;      // of a report: a field of documents; "": kUsualField, if there is one
  std::string output;  // of a report
  std::string made_by;
};

}  // namespace lehr::data
