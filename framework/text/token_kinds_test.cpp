#include "text/token_kinds.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "text/tokenizer_json.h"
#include "text/words_and_lines.h"

namespace lehr::text {
namespace {

// All bytes, and what the tests name.
Tokenizer tokenizer_with(const std::vector<std::string>& tokens) {
  TokenizerSpec spec;
  for (int b = 0; b < 256; ++b) spec.tokens.emplace_back(1, static_cast<char>(b));
  spec.tokens.insert(spec.tokens.end(), tokens.begin(), tokens.end());
  spec.ignore_merges = true;
  spec.add_special("<|endoftext|>", spec.end());
  return Tokenizer(spec);
}

std::map<std::string, std::string> counted(const Tokenizer& tokenizer, std::string_view text,
                                           std::uint64_t times = 1) {
  TokenKinds kinds;
  auto ids = tokenizer.encode(text);
  ids.push_back(tokenizer.end_of_text());
  kinds.add(tokenizer, ids, times);
  std::map<std::string, std::string> out;
  for (const auto& share : kinds.shares())
    out[std::string(name_of(share.kind))] =
        std::to_string(share.bytes) + "/" + std::to_string(share.tokens);
  return out;
}

TEST(TokenKinds, TellScriptsAndClassesOfCharacters) {
  const std::pair<const char*, const char*> examples[] = {
      {"Zaéẞ\u0301", "latin"},
      {"λΩἀ", "greek"},
      {"жЁ", "cyrillic"},
      {"שָ", "hebrew"},
      {"عپ", "arabic"},
      {"कத", "indic"},
      {"ไທမខ", "southeast_asian"},
      {"玻璃ガラスｱ〆", "chinese_japanese"},
      {"유리ㄱ", "korean"},
      {"Ⴀአ", "other_letters"},
      {"09٣５", "digits"},
      {"+.¿「©€_", "punctuation"},
      {"😀🏽🇫🇮☕\u200d\ufe0f", "emoji"},
      {" \t\n\u00a0\u3000", "whitespace"}};
  for (const auto& [text, name] : examples)
    for (std::string_view rest = text; !rest.empty();) {
      const std::string from(rest);
      EXPECT_EQ(name_of(kind_of(take_code_point(rest))), name) << from;
    }
}

TEST(TokenKinds, CountATokenByItsFirstCharacterThatIsNoSpace) {
  const Tokenizer tokenizer = tokenizer_with({" glass", "  ", " 1"});
  using Counts = std::map<std::string, std::string>;
  EXPECT_EQ(counted(tokenizer, "a glass"), (Counts{{"latin", "7/2"}}));
  EXPECT_EQ(counted(tokenizer, "a glass", 1000), (Counts{{"latin", "7000/2000"}}));
  EXPECT_EQ(counted(tokenizer, "12  glass\n"),
            (Counts{{"digits", "2/2"}, {"whitespace", "2/2"}, {"latin", "6/1"}}));
}

TEST(TokenKinds, CountThePartsOfACharacterForItsKind) {
  using Counts = std::map<std::string, std::string>;
  EXPECT_EQ(counted(tokenizer_with({}), "玻😀"),
            (Counts{{"chinese_japanese", "3/3"}, {"emoji", "4/4"}}));
}

}  // namespace
}  // namespace lehr::text
