#include "text/visible_text.h"

#include <gtest/gtest.h>

#include "text/utf8_repair.h"

namespace lehr::text {
namespace {

TEST(VisibleText, CanDoATerminalNoHarm) {
  EXPECT_EQ(visible("a\tb\n\x1b[31m\x7f"), "a\tb\n\\x1b[31m\\x7f");
  EXPECT_EQ(visible("é😀\u202eabc\u0085"), "é😀\\u{202e}abc\\u{85}");
  EXPECT_EQ(visible("caf\xe9\x1b"), "caf\\xe9\\x1b");
  EXPECT_EQ(visible("é\xf0\x9f"), "é\\xf0\\x9f") << "what is whole stays readable";
}

TEST(VisibleText, QuotesAPieceOnOneLine) {
  EXPECT_EQ(quoted_piece(" Paris"), "\" Paris\"");
  EXPECT_EQ(quoted_piece("\n\t\"\\"), "\"\\n\\t\\\"\\\\\"");
  EXPECT_EQ(quoted_piece("\xe2\x80"), "\"\\xe2\\x80\"");
  EXPECT_EQ(quoted_piece("\u0301"), "\"\\u{301}\"") << "an accent would land on the quote";
  EXPECT_EQ(quoted_piece("\u200d"), "\"\\u{200d}\"");
}

TEST(VisibleText, ShowsTokensWithTheirIdsOneALine) {
  WordCounts counts(Pattern::gpt2);
  counts.add("aa aa");
  BpeOptions options;
  options.vocab_size = 257 + 4;
  options.special_tokens = chat_special_tokens();
  const Tokenizer tokenizer(train_bpe(counts.sorted(), Pattern::gpt2, options));
  std::vector<TokenId> ids = tokenizer.encode("aab\n");
  ids.push_back(tokenizer.end_of_text());
  const std::vector<std::uint8_t> trained = {1, 0, 1, 0};
  EXPECT_EQ(token_lines(tokenizer, ids, {false, trained}),
            "256  \"aa\"  trained\n"
            " 65  \"b\"\n"
            "198  \"\\n\"  trained\n"
            "257  \"<|endoftext|>\"\n");
  const std::string colored = token_lines(tokenizer, ids, {true, {}});
  EXPECT_TRUE(colored.starts_with("256  \033[30;48;5;153m\"aa\"\033[0m\n")) << colored;
}

TEST(VisibleText, CountsColumnsAsTerminalsDo) {
  EXPECT_EQ(column_width("abc é"), 5u);
  EXPECT_EQ(column_width("日本"), 4u);
  EXPECT_EQ(column_width("😀"), 2u);
  EXPECT_EQ(column_width("e\u0301"), 1u);
  EXPECT_EQ(column_width(""), 0u);
}

TEST(WholeCharacters, HoldBackNothingButABeginningAtTheEnd) {
  const std::string text = "aé日😀";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const std::size_t whole = whole_characters(text.substr(0, cut));
    EXPECT_TRUE(is_valid_utf8(text.substr(0, whole))) << cut;
    EXPECT_LT(cut - whole, 4u);
    if (is_valid_utf8(text.substr(0, cut))) {
      EXPECT_EQ(whole, cut);
    }
  }
  EXPECT_EQ(whole_characters("a\xff"), 2u) << "can never become a character";
  EXPECT_EQ(whole_characters("\x80\x80\x80\x80"), 4u);
}

}  // namespace
}  // namespace lehr::text
