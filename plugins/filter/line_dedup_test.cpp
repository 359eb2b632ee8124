#include "line_dedup.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "document_block.h"
#include "exact_dedup.h"

namespace lehr::plugins::filter {
namespace {

// Blocks of documents through a step; what is left of each, "-" for a dropped one.
std::vector<std::string> judge(OrderedStep& step,
                               const std::vector<std::vector<std::string>>& blocks,
                               std::string* added = nullptr) {
  std::vector<std::string> left;
  text::DocumentParser parser;
  std::mutex one_huge;
  for (const auto& texts : blocks) {
    std::string json;
    for (std::size_t i = 0; i < texts.size(); ++i)
      text::append_document(json, {std::to_string(i), texts[i], {}});
    DocumentBlock block(one_huge);
    block.lines.size = json.size();
    json.append(text::LineBlock::kPadding, '\0');
    block.lines.buffer = text::PageBuffer(json.size());
    json.copy(block.lines.buffer.data(), json.size());
    block.parse(parser, "test");
    step.hash(block);
    std::string seen;
    step.decide(block, seen);
    if (added != nullptr) *added += seen;
    step.settle(block);
    std::size_t next = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto documents = block.documents();
      const bool there = next < documents.size() && view(documents[next].id) == std::to_string(i);
      left.push_back(there ? std::string(view(documents[next].text)) : "-");
      next += there;
    }
  }
  return left;
}

LineDedup parameters(std::int64_t min_line_characters, std::int64_t min_characters) {
  LineDedup p;
  p.min_line_characters = min_line_characters;
  p.min_characters = min_characters;
  return p;
}

using Texts = std::vector<std::string>;

TEST(LineDedup, RemovesLinesThatWereSeenWhateverTheSpacesAround) {
  SeenLines step(parameters(4, 0), testing::TempDir());
  EXPECT_EQ(judge(step, {{"first line\nabc\nsecond line", "abc\n \tfirst line\r\nnew one\n"},
                         {"\u3000second line", "second", "", "\n\n"}}),
            (Texts{"first line\nabc\nsecond line", "abc\nnew one\n", "-", "second", "", "\n\n"}));
}

TEST(LineDedup, RemovesWhatComesAgainInOneDocument) {
  SeenLines step(parameters(4, 0), testing::TempDir());
  EXPECT_EQ(judge(step, {{"same\nother\nsame\nabc\nabc"}}), (Texts{"same\nother\nabc\nabc"}));
}

TEST(LineDedup, DropsWhatHasTooLittleLeftAndForgetsItsLines) {
  SeenLines step(parameters(4, 8), testing::TempDir());
  EXPECT_EQ(judge(step, {{"boilerplate", "boilerplate\nunique", "unique\nand more", "tiny"}}),
            (Texts{"boilerplate", "-", "unique\nand more", "tiny"}));
}

TEST(LineDedup, CountsCharactersNotBytes) {
  SeenLines step(parameters(4, 0), testing::TempDir());
  EXPECT_EQ(judge(step, {{"中文字", "中文字\nx", "中文字中", "中文字中\nx"}}),
            (Texts{"中文字", "中文字\nx", "中文字中", "x"}));
}

// The rule as one would write it down, on random documents of few different lines.
TEST(LineDedup, DecidesAsTheSlowReferenceAndGoesOnFromWhatItAdded) {
  std::mt19937 random(5);
  const Texts pieces = {"",       " ",  "a",   "ab",          "abc",  "abcd ",
                        "\tabcd", "éé", "ééé", "longer line", "x y z"};
  for (const auto& [min_line, min_left] : {std::pair(1, 0), {3, 4}, {4, 12}}) {
    std::vector<Texts> blocks(6);
    for (auto& block : blocks)
      for (int i = 0; i < 40; ++i) {
        std::string text;
        for (int lines = static_cast<int>(random() % 6); lines >= 0; --lines) {
          text += pieces[random() % pieces.size()];
          if (random() % 2) text += std::to_string(random() % 60);
          if (lines > 0) text += '\n';
        }
        block.push_back(text);
      }
    std::set<std::string> seen;
    Texts expected;
    for (const auto& block : blocks)
      for (const std::string& text : block) {
        Texts kept;
        std::set<std::string> own;
        std::size_t left = 0, begin = 0;
        bool lost = false;
        for (std::size_t end = 0; end <= text.size(); begin = ++end) {
          end = std::min(text.find('\n', begin), text.size());
          const std::string line = text.substr(begin, end - begin);
          std::string bare = line;
          bare.erase(0, std::min(bare.find_first_not_of(" \t"), bare.size()));
          bare.erase(bare.find_last_not_of(" \t") + 1);
          std::size_t characters = 0;
          for (const char c : bare) characters += (c & 0xc0) != 0x80;
          const bool compared = characters >= static_cast<std::size_t>(min_line);
          if (compared && (seen.count(bare) || !own.insert(bare).second)) {
            lost = true;
          } else {
            kept.push_back(line);
            left += characters;
          }
        }
        if (lost && (left == 0 || left < static_cast<std::size_t>(min_left))) {
          expected.push_back("-");
          continue;
        }
        seen.insert(own.begin(), own.end());
        std::string joined;
        for (std::size_t i = 0; i < kept.size(); ++i) joined += (i ? "\n" : "") + kept[i];
        expected.push_back(joined);
      }
    SeenLines whole(parameters(min_line, min_left), testing::TempDir());
    EXPECT_EQ(judge(whole, blocks), expected);
    // Stopped in the middle, and gone on with by another that remembers.
    const std::vector<Texts> first(blocks.begin(), blocks.begin() + 3),
        rest(blocks.begin() + 3, blocks.end());
    SeenLines before(parameters(min_line, min_left), testing::TempDir()),
        after(parameters(min_line, min_left), testing::TempDir());
    std::string added;
    Texts got = judge(before, first, &added);
    after.remember(added);
    const Texts later = judge(after, rest);
    got.insert(got.end(), later.begin(), later.end());
    EXPECT_EQ(got, expected);
  }
}

}  // namespace
}  // namespace lehr::plugins::filter
