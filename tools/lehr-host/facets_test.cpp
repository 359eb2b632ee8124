#include "facets.h"

#include <gtest/gtest.h>

namespace lehr::host {
namespace {

TEST(SymbolTable, HoldsWhatIsNotConnectedToWhatStandsForIt) {
  const auto ports = nlohmann::ordered_json::parse(R"([
      {"name": "model", "type": "model"},
      {"name": "reference", "type": "model", "optional": true, "otherwise": "model", "self": "R"},
      {"name": "scores", "type": "scores", "facets": {"model": "R"}}])");
  const BoundInput first{"model", "m", "digest1", {}}, second{"reference", "r", "digest2", {}},
      of_first{"scores", "s", "digest3", {{"model", "digest1"}}},
      of_second{"scores", "s", "digest4", {{"model", "digest2"}}};
  EXPECT_NO_THROW(SymbolTable(ports, {first, of_first}));
  EXPECT_NO_THROW(SymbolTable(ports, {first, second, of_second}));
  EXPECT_THROW(SymbolTable(ports, {first, of_second}), std::runtime_error);
  EXPECT_THROW(SymbolTable(ports, {first, second, of_first}), std::runtime_error);
}

}  // namespace
}  // namespace lehr::host
