// What a pass did: documents and text bytes in and out, drops by reason with the first few examples
// of each.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::plugins::filter {

struct Drops {
  struct Example {
    std::string id, text;  // text: its beginning
  };
  std::uint64_t documents = 0;
  std::vector<Example> examples;
};

class Summary {
 public:
  void clear() { *this = Summary(); }
  void read(std::string_view text);
  void keep(std::string_view text);
  void drop(std::string_view reason, std::string_view id, std::string_view text);
  // What happened after this.
  void append(const Summary& later);

  // Results of the stage, and a line of the log for each reason.
  void report(const Context& context) const;
  std::uint64_t documents_in() const { return documents_in_; }
  std::uint64_t documents_out() const { return documents_out_; }
  std::uint64_t bytes_in() const { return bytes_in_; }

  nlohmann::json to_json() const;
  static Summary from_json(const nlohmann::json& json);

 private:
  std::uint64_t documents_in_ = 0, documents_out_ = 0, bytes_in_ = 0, bytes_out_ = 0;
  std::map<std::string, Drops, std::less<>> drops_;
};

}  // namespace lehr::plugins::filter
