#include "runtime/config/yaml_loader.h"

#include <gtest/gtest.h>

namespace lehr::runtime {
namespace {

NodePtr load(const std::string& text, Diagnostics& diagnostics, const YamlLimits& limits = {}) {
  return load_yaml(std::make_shared<Source>("x.yaml", "/", text), diagnostics, limits);
}

std::string first_error(const std::string& text, const YamlLimits& limits = {}) {
  Diagnostics diagnostics;
  load(text, diagnostics, limits);
  const auto found = diagnostics.sorted();
  return found.empty() ? "" : found[0].origin.text() + ": " + found[0].message;
}

TEST(YamlLoader, KnowsWhereEveryNodeWasWritten) {
  Diagnostics diagnostics;
  const NodePtr root = load("a: 1\nb:\n  - \xC3\xBC: [x, 'y z']\n", diagnostics);
  ASSERT_TRUE(diagnostics.empty());
  EXPECT_EQ(root->find("a")->value->origin.text(), "x.yaml:1:4");
  const Node& inner = *root->find("b")->value->items[0];
  EXPECT_EQ(inner.entries[0].key, "\xC3\xBC");
  const Node& quoted = *inner.entries[0].value->items[1];
  EXPECT_EQ(quoted.origin.text(), "x.yaml:3:12");  // in characters: the umlaut counts once
  EXPECT_FALSE(quoted.plain);
  EXPECT_EQ(quoted.text, "y z");
}

TEST(YamlLoader, PutsAMissingValueAtItsKey) {
  Diagnostics diagnostics;
  const NodePtr root = load("a:\nb: 2\n", diagnostics);
  EXPECT_TRUE(root->find("a")->value->is_null());
  EXPECT_EQ(root->find("a")->value->origin.text(), "x.yaml:1:1");
}

TEST(YamlLoader, LetsAnchorsShareANode) {
  Diagnostics diagnostics;
  const NodePtr root = load("a: &x {k: v}\nb: *x\n", diagnostics);
  ASSERT_TRUE(diagnostics.empty());
  const Node& b = *root->find("b")->value;
  EXPECT_EQ(b.find("k")->value->text, "v");
  EXPECT_EQ(b.origin.text(), "x.yaml:2:4");
  EXPECT_EQ(b.definition.text(), "x.yaml:1:4");
}

TEST(YamlLoader, CountsAliasesAsWhatTheyStandFor) {
  YamlLimits limits;
  limits.nodes = 30;
  const std::string bomb = "a: &a [1, 1, 1, 1, 1, 1]\nb: &b [*a, *a, *a]\nc: [*b, *b]\n";
  EXPECT_NE(first_error(bomb, limits).find("more than 30 values"), std::string::npos);
  EXPECT_EQ(first_error(bomb), "");
}

TEST(YamlLoader, StopsAtItsLimits) {
  YamlLimits limits;
  limits.depth = 3;
  limits.aliases = 1;
  limits.bytes = 100;
  EXPECT_EQ(first_error("[[[1]]]", limits), "");
  EXPECT_NE(first_error("[[[[1]]]]", limits), "");
  EXPECT_NE(first_error("[&a 1, *a, *a]", limits), "");
  EXPECT_NE(first_error(std::string(101, 'x'), limits), "");
}

TEST(YamlLoader, RefusesWhatAPipelineDoesNotNeed) {
  EXPECT_NE(first_error("a: 1\na: 2\n").find("given twice"), std::string::npos);
  EXPECT_NE(first_error("a: 1\n---\nb: 2\n").find("one document"), std::string::npos);
  EXPECT_NE(first_error("a: {<<: {b: 1}}\n").find("merge keys"), std::string::npos);
  EXPECT_NE(first_error("a: !!int 3\n").find("'!!int'"), std::string::npos);
  EXPECT_NE(first_error("a: &a [*a]\n").find("contain itself"), std::string::npos);
  EXPECT_NE(first_error("[1]: 2\n").find("a key must be text"), std::string::npos);
  EXPECT_NE(first_error("a: 'b\n").find("not closed"), std::string::npos);
}

TEST(YamlLoader, TakesEveryFormOfNothingForNothing) {
  Diagnostics diagnostics;
  const NodePtr root = load("a: ~\nb: null\nc:\nd: ''\ne: {f: , g: 1}\n", diagnostics);
  ASSERT_TRUE(diagnostics.empty());
  for (const char* key : {"a", "b", "c"}) EXPECT_TRUE(root->find(key)->value->is_null()) << key;
  EXPECT_TRUE(root->find("d")->value->is_scalar());
  EXPECT_TRUE(root->find("e")->value->find("f")->value->is_null());
}

TEST(YamlLoader, NamesTheByteThatIsNoText) {
  EXPECT_EQ(first_error("a: b\nc: x\xE2\x80\xA8y\n").substr(0, 11), "x.yaml:2:5:");
  EXPECT_EQ(first_error(std::string("a: b\0c", 6)).substr(0, 11), "x.yaml:1:5:");
  EXPECT_EQ(first_error("a: 1\nb: \xFF\n").substr(0, 11), "x.yaml:2:4:");
  EXPECT_NE(first_error("a: \xED\xA0\x80").find("not UTF-8"), std::string::npos);  // a surrogate
  EXPECT_NE(first_error("a: \xC0\xAF").find("not UTF-8"), std::string::npos);      // overlong
}

}  // namespace
}  // namespace lehr::runtime
