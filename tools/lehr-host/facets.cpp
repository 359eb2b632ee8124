#include "facets.h"

#include <algorithm>
#include <stdexcept>

namespace lehr::host {
namespace {

std::string shorten(const std::string& value) {
  return value.size() == 64 ? value.substr(0, 12) : value;
}

}  // namespace

SymbolTable::SymbolTable(const nlohmann::ordered_json& input_ports,
                         const std::vector<BoundInput>& inputs) {
  const auto bind_input = [&](const std::string& symbol, const std::string& what,
                              const std::string& value, const BoundInput& in) {
    const std::string from = "input '" + in.port + "' (" + in.from + ")";
    const auto [known, fresh] = values_.try_emplace(symbol, Binding{value, from});
    if (!fresh && known->second.value != value)
      throw std::runtime_error(from + " has " + what + " " + shorten(value) + ", but " +
                               known->second.from + " has " + shorten(known->second.value) +
                               "; they must be made with the same one");
  };
  const auto connected = [&](const std::string& port) {
    return std::any_of(inputs.begin(), inputs.end(),
                       [&](const BoundInput& in) { return in.port == port; });
  };
  const auto binds = [&](const nlohmann::ordered_json& port, const BoundInput& in) {
    const std::string name = port.at("name");
    return name == in.port || (port.value("otherwise", "") == in.port && !connected(name));
  };
  for (const BoundInput& in : inputs)
    for (const auto& port : input_ports) {
      if (!binds(port, in)) continue;
      if (port.contains("self")) bind_input(port["self"], "identity", in.digest, in);
      if (!port.contains("facets")) continue;
      for (const auto& [name, wanted] : port["facets"].items()) {
        const auto found = in.facets.find(name);
        if (found == in.facets.end()) continue;
        const std::string symbol = wanted;
        if (!symbol.starts_with("="))
          bind_input(symbol, name, found->second, in);
        else if (symbol.substr(1) != found->second)
          throw std::runtime_error("input '" + in.port + "' (" + in.from + ") has " + name + " '" +
                                   found->second + "', but the stage needs '" + symbol.substr(1) +
                                   "'");
      }
    }
}

runtime::Facets SymbolTable::of_output(const nlohmann::ordered_json& port,
                                       const runtime::Facets& set) const {
  runtime::Facets out = set;
  if (!port.contains("facets")) return out;
  for (const auto& [name, wanted] : port["facets"].items()) {
    const std::string symbol = wanted;
    if (symbol.starts_with("="))
      out.try_emplace(name, symbol.substr(1));
    else if (const auto known = values_.find(symbol); known != values_.end())
      out.try_emplace(name, known->second.value);
  }
  return out;
}

}  // namespace lehr::host
