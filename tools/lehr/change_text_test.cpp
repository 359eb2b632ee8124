#include "change_text.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace lehr::cli {
namespace {

using Parts = std::vector<runtime::KeyPart>;

TEST(ChangeText, AParameterWithItsPlace) {
  EXPECT_EQ(change_text(Parts{{"with.beta", "0.1", ""}}, Parts{{"with.beta", "0.2", "x.yaml:3:4"}},
                        "", "  "),
            "  parameter  beta: 0.1 -> 0.2  (x.yaml:3:4)\n");
}

TEST(ChangeText, BothPlacesWhereTheyDiffer) {
  EXPECT_EQ(change_text(Parts{{"with.beta", "0.1", "x.yaml:3:4"}}, Parts{{"with.beta", "0.2", ""}},
                        "", ""),
            "parameter  beta: 0.1 -> 0.2  (x.yaml:3:4 -> default)\n");
}

TEST(ChangeText, WhatCameAndWentIsNone) {
  EXPECT_EQ(change_text(Parts{{"with.a", "1", ""}}, Parts{{"with.b", "2", ""}}, "", ""),
            "parameter  a: 1 -> (none)\nparameter  b: (none) -> 2\n");
}

TEST(ChangeText, EqualAndIgnoredPartsAreLeftOut) {
  EXPECT_EQ(change_text(Parts{{"with.a", "1", "x"}, {"in.d[0]", "a", ""}},
                        Parts{{"with.a", "1", "y"}, {"in.d[0]", "b", ""}}, "in.", ""),
            "");
}

TEST(ChangeText, LibrariesCodeAndInputsAreNamedAndDigestsShort) {
  const std::string a(64, 'a'), b(64, 'b');
  EXPECT_EQ(change_text(Parts{{"code.dpo", a, ""},
                              {"in.model[0]", "base " + a, ""},
                              {"library.libtorch_cpu.so", "build-id " + a.substr(0, 40), ""}},
                        Parts{{"code.dpo", b, ""},
                              {"in.model[0]", "base " + b, "x.yaml:9:1"},
                              {"library.libtorch_cpu.so", "build-id " + b.substr(0, 40), ""}},
                        "", ""),
            "input      model: base aaaaaaaaaa -> base bbbbbbbbbb  (x.yaml:9:1)\n"
            "code       plugin dpo: aaaaaaaaaa -> bbbbbbbbbb\n"
            "library    libtorch_cpu.so: build-id aaaaaaaaaa -> build-id bbbbbbbbbb\n");
}

TEST(ChangeText, AnElementPutIntoAListIsOneLine) {
  const Parts before = {{"with.steps[0].name", "\"filter.normalize\"", ""},
                        {"with.steps[0].with.form", "\"NFC\"", ""},
                        {"with.steps[1].name", "\"filter.exact_dedup\"", ""}};
  const Parts after = {{"with.steps[0].name", "\"filter.normalize\"", ""},
                       {"with.steps[0].with.form", "\"NFC\"", ""},
                       {"with.steps[1].name", "\"filter.length\"", "x.yaml:7:11"},
                       {"with.steps[1].with.min_words", "3", "x.yaml:7:20"},
                       {"with.steps[2].name", "\"filter.exact_dedup\"", ""}};
  EXPECT_EQ(change_text(before, after, "", ""),
            "parameter  steps:\n"
            "             + [1] filter.length, min_words: 3  (x.yaml:7:11)\n");
}

TEST(ChangeText, AnElementThatMovedAndChangedIsToldByWhatChanged) {
  const Parts before = {{"with.steps[0].name", "\"filter.length\"", ""},
                        {"with.steps[0].with.max_words", "null", ""},
                        {"with.steps[0].with.min_words", "3", ""}};
  const Parts after = {{"with.steps[0].name", "\"acme.shout\"", "x.yaml:6:11"},
                       {"with.steps[1].name", "\"filter.length\"", "x.yaml:7:11"},
                       {"with.steps[1].with.max_words", "null", ""},
                       {"with.steps[1].with.min_words", "5", "x.yaml:7:20"}};
  EXPECT_EQ(change_text(before, after, "", ""),
            "parameter  steps:\n"
            "             + [0] acme.shout  (x.yaml:6:11)\n"
            "             ~ [1] filter.length, min_words: 3 -> 5  (x.yaml:7:20)\n");
}

TEST(ChangeText, ValuesOfAListThatCameAndWent) {
  EXPECT_EQ(change_text(Parts{{"with.tags[0]", "\"a\"", ""}, {"with.tags[1]", "\"b\"", ""}},
                        Parts{{"with.tags[0]", "\"b\"", "x.yaml:1:1"}}, "", ""),
            "parameter  tags:  (x.yaml:1:1)\n             - [0] a\n");
}

TEST(ChangeText, OneChangedElementIsToldByItsLeaf) {
  EXPECT_EQ(change_text(Parts{{"with.steps[0].with.min_words", "3", ""}},
                        Parts{{"with.steps[0].with.min_words", "5", "x.yaml:7:20"}}, "", ""),
            "parameter  steps[0].with.min_words: 3 -> 5  (x.yaml:7:20)\n");
}

TEST(ChangeText, LinesOfATextThatChanged) {
  EXPECT_EQ(change_text(Parts{{"with.prompt", "\"one\\ntwo\\nthree\"", ""}},
                        Parts{{"with.prompt", "\"one\\n2\\nthree\"", "x.yaml:2:1"}}, "", ""),
            "parameter  prompt:  (x.yaml:2:1)\n"
            "             - two\n"
            "             + 2\n");
}

TEST(ChangeText, VeryLongTextsTakeNoTableOfAllTheirLines) {
  std::string before, after;
  for (int i = 0; i < 100000; ++i) {
    before += "line " + std::to_string(i) + "\\n";
    after += (i == 50000 ? "another" : "line " + std::to_string(i)) + "\\n";
  }
  EXPECT_EQ(change_text(Parts{{"with.prompt", "\"" + before + "\"", ""}},
                        Parts{{"with.prompt", "\"" + after + "\"", ""}}, "", ""),
            "parameter  prompt:\n"
            "             - line 50000\n"
            "             + another\n");
  for (int i = 0; i < 10000; ++i) before += "a\\n", after.insert(0, "b\\n");
  const std::string text = change_text(Parts{{"with.prompt", "\"" + before + "\"", ""}},
                                       Parts{{"with.prompt", "\"" + after + "\"", ""}}, "", "");
  EXPECT_GT(std::count(text.begin(), text.end(), '\n'), 100000);
}

TEST(ChangeText, ALongValueIsShownAroundItsDifference) {
  const std::string same(100, 'x');
  const std::string text = change_text(Parts{{"with.pattern", "\"" + same + "old\"", ""}},
                                       Parts{{"with.pattern", "\"" + same + "new\"", ""}}, "", "");
  EXPECT_NE(text.find("xxold\" -> "), std::string::npos) << text;
  EXPECT_NE(text.find("xxnew\""), std::string::npos) << text;
  EXPECT_LT(text.size(), 120u);
}

}  // namespace
}  // namespace lehr::cli
