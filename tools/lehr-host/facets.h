// Symbols of a stage's ports and what they stand for once the inputs are known. Two inputs that
// bind one symbol must agree; an output gets the value of the symbol its facet is bound to.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/store/artifact.h"

namespace lehr::host {

struct BoundInput {
  std::string port, from, digest;  // from: the stage that made it
  runtime::Facets facets;
};

class SymbolTable {
 public:
  // Throws std::runtime_error naming both ends if two inputs disagree, or one is not what its port
  // asks for.
  SymbolTable(const nlohmann::ordered_json& input_ports, const std::vector<BoundInput>& inputs);

  // The facets of an output: constants, symbols that are known, and over them what the stage has
  // set itself.
  runtime::Facets of_output(const nlohmann::ordered_json& port, const runtime::Facets& set) const;
  // An output that stands for a symbol has been published.
  void bind(const std::string& symbol, const std::string& value) { values_[symbol].value = value; }

 private:
  struct Binding {
    std::string value, from;
  };
  std::map<std::string, Binding> values_;
};

}  // namespace lehr::host
