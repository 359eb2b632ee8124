#include "text/tokenizer.h"

#include <fstream>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <lehr/value.h>
#include <nlohmann/json.hpp>

#include "text/tokenizer_json.h"

namespace lehr::text {
namespace {

namespace fs = std::filesystem;

BpeModel small_model(Pattern pattern = Pattern::gpt2, std::size_t vocab_size = 330) {
  WordCounts counts(pattern);
  counts.add(
      "the quick brown fox jumps over the lazy dog while the other foxes think that they would "
      "rather watch the weather there, then bathe; nothing else is there to be thought 12 1212 "
      "aaaaaaaaaaaaaaaa bbbbbbbb abababab \xc3\xa9t\xc3\xa9 \xc3\xa9t\xc3\xa9");
  BpeOptions options;
  options.vocab_size = vocab_size;
  options.special_tokens = chat_special_tokens();
  return train_bpe(counts.sorted(), pattern, options);
}

// Every merge of the list in turn, over the whole word: what a merge list means.
std::vector<TokenId> slow_encode(const BpeModel& model, std::string_view text) {
  std::vector<TokenId> all;
  for_each_pretoken(model.pretokenizer, text, [&](std::string_view word) {
    std::vector<std::string> parts;
    for (const char c : word) parts.emplace_back(1, c);
    for (const auto& [left, right] : model.merges)
      for (std::size_t i = 0; i + 1 < parts.size(); ++i)
        if (parts[i] == model.tokens[left] && parts[i + 1] == model.tokens[right]) {
          parts[i] += parts[i + 1];
          parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        }
    for (const auto& part : parts)
      all.push_back(static_cast<TokenId>(std::find(model.tokens.begin(), model.tokens.end(), part) -
                                         model.tokens.begin()));
  });
  return all;
}

std::string random_bytes(std::mt19937& random, std::size_t size, std::string_view alphabet = "") {
  std::string text(size, '\0');
  for (char& c : text)
    c = alphabet.empty() ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
  return text;
}

fs::path scratch_folder(const char* name) {
  const fs::path folder = fs::path(::testing::TempDir()) / name;
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

TEST(Tokenizer, LeavesBytesOutThatHaveNoToken) {
  TokenizerSpec spec;
  const BpeModel model = small_model();
  spec.tokens = model.tokens;
  spec.merges = model.merges;
  for (std::string& token : spec.tokens)
    if (token == "\x04") token.clear();
  AddedToken end;
  end.id = static_cast<TokenId>(spec.tokens.size());
  end.content = kEndOfText;
  end.special = true;
  spec.added.push_back(end);
  const fs::path folder = scratch_folder("no_control_characters");
  std::ofstream(folder / "tokenizer.json") << tokenizer_json(spec);
  const Tokenizer tokenizer = Tokenizer::load(folder);
  const Tokenizer complete(model);
  std::vector<TokenId> parts = complete.encode("th");
  for (const TokenId id : complete.encode("ey think")) parts.push_back(id);  // \x04 cuts as well
  EXPECT_EQ(tokenizer.encode("th\x04"
                             "ey\x04 think"),
            parts);
  EXPECT_TRUE(tokenizer.encode("\x04").empty());
}

// As Hugging Face's do: for each byte, or fused for all in a row.
TEST(Tokenizer, WritesTheUnknownTokenForBytesThatHaveNone) {
  TokenizerSpec spec;
  const BpeModel model = small_model();
  spec.tokens = model.tokens;
  spec.merges = model.merges;
  for (std::string& token : spec.tokens)
    if (token == "\x04") token.clear();
  for (const char* content : {"<|endoftext|>", "<unk>"}) spec.add_special(content, spec.end());
  auto json = nlohmann::json::parse(tokenizer_json(spec));
  const fs::path folder = scratch_folder("unknown_bytes");
  const auto load = [&] {
    std::ofstream(folder / "tokenizer.json") << json;
    return Tokenizer::load(folder);
  };
  json["model"]["unk_token"] = "<unk>";
  const TokenId unknown = spec.end() - 1;
  const auto the = Tokenizer(model).encode("the");
  for (const bool fused : {false, true}) {
    json["model"]["fuse_unk"] = fused;
    std::vector<TokenId> expected = {unknown};
    if (!fused) expected.push_back(unknown);
    EXPECT_EQ(load().encode("\x04\x04"), expected);
    expected.insert(expected.end(), the.begin(), the.end());
    EXPECT_EQ(load().encode("\x04\x04the"), expected);
  }
  json["model"]["unk_token"] = "<no>";
  EXPECT_THROW(load(), Error);
  json["model"]["unk_token"] = nullptr;
  EXPECT_EQ(load().encode("\x04\x04the"), the);
  json["model"]["dropout"] = 0.1;
  EXPECT_THROW(load(), Error);
}

TEST(Tokenizer, GivesRandomBytesBack) {
  std::mt19937 random(1);
  for (const Pattern pattern : kPatterns) {
    const Tokenizer tokenizer(small_model(pattern));
    Tokenizer::Cache cache;
    for (int round = 0; round < 100; ++round) {
      const std::string text = random_bytes(random, random() % 300);
      std::vector<TokenId> ids;
      tokenizer.encode(text, ids, cache);
      EXPECT_EQ(tokenizer.decode(ids), text);
    }
  }
}

TEST(Tokenizer, MergesAsTheSlowRule) {
  const BpeModel model = small_model();
  const Tokenizer tokenizer(model);
  Tokenizer::Cache cache;
  std::mt19937 random(2);
  for (int round = 0; round < 300; ++round) {
    const std::string text = random_bytes(random, random() % 120, "theabort  n1\xc3\xa9");
    std::vector<TokenId> ids;
    tokenizer.encode(text, ids, cache);
    EXPECT_EQ(ids, slow_encode(model, text)) << text;
  }
}

// They share what they remember, and here meet the same words, short and long, at the same time.
TEST(Tokenizer, EncodesOnSeveralThreadsAsOnOne) {
  const BpeModel model = small_model();
  const Tokenizer tokenizer(model);
  std::mt19937 random(3);
  std::string text;
  for (int i = 0; i < 20000; ++i) text += ' ' + random_bytes(random, 1 + random() % 24, "theabort");
  const std::vector<TokenId> expected = Tokenizer(model).encode(text);
  constexpr int kThreads = 4;
  std::vector<std::vector<TokenId>> found(kThreads);
  std::vector<std::thread> threads;
  for (std::vector<TokenId>& ids : found)
    threads.emplace_back([&] {
      Tokenizer::Cache cache;
      for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find(' ', 4000), rest.size());
        tokenizer.encode(rest.substr(0, end), ids, cache);
        rest.remove_prefix(end);
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<TokenId>& ids : found) EXPECT_TRUE(ids == expected);
}

TEST(Tokenizer, EncodesAMegabyteOfOneLetter) {
  const Tokenizer tokenizer(small_model());
  const std::string text(1 << 20, 'a');
  const auto ids = tokenizer.encode(text);
  EXPECT_LT(ids.size(), text.size() / 4);
  EXPECT_EQ(tokenizer.decode(ids), text);
}

TEST(Tokenizer, TakesSpecialTokensInTextForTextUnlessAsked) {
  const Tokenizer tokenizer(small_model());
  const std::string text = "the<|im_end|>end";
  const auto as_text = tokenizer.encode(text);
  for (const TokenId id : as_text) EXPECT_FALSE(tokenizer.is_special(id));
  EXPECT_EQ(tokenizer.decode(as_text), text);
  const auto matched = tokenizer.encode(text, Specials::match);
  EXPECT_EQ(std::count(matched.begin(), matched.end(), *tokenizer.im_end()), 1);
  EXPECT_EQ(tokenizer.decode(matched), text);
  EXPECT_EQ(tokenizer.decode(matched, true), "theend");
}

TEST(Tokenizer, HasItsSpecialTokensLastAndWithoutBytes) {
  const BpeModel model = small_model();
  const Tokenizer tokenizer(model);
  EXPECT_EQ(tokenizer.vocab_size(), 330u);
  EXPECT_EQ(tokenizer.end_of_text(), 326u);
  EXPECT_EQ(tokenizer.pad(), 327u);
  EXPECT_EQ(tokenizer.im_start(), 328u);
  EXPECT_EQ(tokenizer.im_end(), 329u);
  EXPECT_EQ(tokenizer.byte_lengths()[326], 0u);
  EXPECT_EQ(tokenizer.byte_lengths()[0], 1u);
  EXPECT_EQ(tokenizer.byte_lengths()[256], 2u);
  EXPECT_THROW(tokenizer.decode(std::vector<TokenId>{330}), std::out_of_range);
}

TEST(Tokenizer, ReadsBackWhatItSaved) {
  for (const Pattern pattern : kPatterns) {
    const Tokenizer saved(small_model(pattern));
    const fs::path folder = scratch_folder("tokenizer_saved");
    saved.save(folder);
    const Tokenizer loaded = Tokenizer::load(folder);
    const std::string text = "the other fox's 1234 \xc3\xa9t\xc3\xa9\n\n<|im_start|>x \xff";
    EXPECT_EQ(loaded.encode(text, Specials::match), saved.encode(text, Specials::match));
    EXPECT_EQ(loaded.vocab_size(), saved.vocab_size());
    EXPECT_EQ(loaded.im_end(), saved.im_end());
    EXPECT_EQ(loaded.byte_lengths(), saved.byte_lengths());
  }
}

TokenizerSpec spec_with(std::vector<AddedToken> added) {
  const BpeModel model = small_model();
  TokenizerSpec spec;
  spec.tokens = model.tokens;
  spec.merges = model.merges;
  spec.added = std::move(added);
  return spec;
}

std::vector<std::string> written(const TokenizerSpec& spec, std::string_view text) {
  const fs::path file = scratch_folder("tokenizer_added") / "tokenizer.json";
  std::ofstream(file, std::ios::binary) << tokenizer_json(spec);
  const Tokenizer tokenizer = Tokenizer::load(file);
  std::vector<std::string> out;
  for (const TokenId id : tokenizer.encode(text, Specials::match))
    if (id >= 1000) out.emplace_back(std::to_string(id));
  return out;
}

TEST(Tokenizer, MatchesAddedTokensLeftmostLongestAndWhole) {
  const AddedToken end{1000, "<|endoftext|>", false, false, false, false, true};
  const AddedToken longer{1001, "foxes", false, false, false, true, false};
  const AddedToken shorter{1002, "fox", false, false, false, true, false};
  const AddedToken whole{1003, "cat", true, false, false, false, false};
  const auto spec = spec_with({end, shorter, longer, whole});
  EXPECT_EQ(written(spec, "a foxes fox<|endoftext|>"),
            (std::vector<std::string>{"1001", "1002", "1000"}));
  EXPECT_EQ(written(spec, "cat cats cat"), (std::vector<std::string>{"1003", "1003"}));
}

TEST(Tokenizer, MatchesAWordOfTheVocabularyThatWasAddedToo) {
  const AddedToken end{1000, "<|endoftext|>", false, false, false, false, true};
  auto spec = spec_with({end});
  const auto the = static_cast<TokenId>(std::find(spec.tokens.begin(), spec.tokens.end(), " the") -
                                        spec.tokens.begin());
  ASSERT_LT(the, spec.tokens.size());
  spec.added.push_back({the, " the", false, false, false, false, false});
  const fs::path file = scratch_folder("tokenizer_both") / "tokenizer.json";
  std::ofstream(file, std::ios::binary) << tokenizer_json(spec);
  const auto ids = Tokenizer::load(file).encode("quick thesis");
  EXPECT_EQ(std::count(ids.begin(), ids.end(), the), 1);
}

TEST(Tokenizer, StripsSpaceAroundAddedTokens) {
  AddedToken end{1000, "<|endoftext|>", false, true, true, false, true};
  const fs::path file = scratch_folder("tokenizer_strip") / "tokenizer.json";
  std::ofstream(file, std::ios::binary) << tokenizer_json(spec_with({end}));
  const Tokenizer tokenizer = Tokenizer::load(file);
  EXPECT_EQ(tokenizer.encode("x \n<|endoftext|>  y", Specials::match),
            (std::vector<TokenId>{tokenizer.encode("x")[0], 1000, tokenizer.encode("y")[0]}));
}

TEST(Tokenizer, SaysWhatTheirEncodeDoesBesidesAndDoesNotDoSo) {
  const AddedToken end{1000, "<|endoftext|>", false, false, false, false, true};
  const AddedToken begin{1001, "<|begin|>", false, false, false, false, true};
  const std::string written = tokenizer_json(spec_with({end, begin}));
  const auto with = [&](const std::string& post_processor) {
    std::string json = written;
    const std::string name = post_processor.starts_with("{\"max") ? "truncation" : "post_processor";
    const std::string none = "\"" + name + "\": null";
    json.replace(json.find(none), none.size(), "\"" + name + "\": " + post_processor);
    const fs::path file = scratch_folder("tokenizer_begin") / "tokenizer.json";
    std::ofstream(file, std::ios::binary) << json;
    const Tokenizer tokenizer = Tokenizer::load(file);
    EXPECT_EQ(tokenizer.encode("the fox", Specials::match).front(), tokenizer.encode("the")[0]);
    std::string all;
    for (const std::string& what : tokenizer.passed_over()) all += what + ";";
    return all;
  };
  const std::string text = R"({"Sequence":{"id":"A","type_id":0}})";
  const std::string token = R"({"SpecialToken":{"id":"<|begin|>","type_id":0}})";
  const std::string pieces = R"({"type":"TemplateProcessing","single":[)";
  const std::string before = pieces + token + "," + text + "]}";
  EXPECT_EQ(with("null"), "");
  EXPECT_EQ(with(R"({"type":"ByteLevel"})"), "");
  EXPECT_EQ(with(before), "begins every text with <|begin|>;");
  EXPECT_EQ(with(R"({"type":"Sequence","processors":[{"type":"ByteLevel"},)" + before + "]}"),
            "begins every text with <|begin|>;");
  EXPECT_EQ(with(pieces + text + "," + token + "]}"), "ends every text with <|begin|>;");
  EXPECT_EQ(with(R"({"type":"RobertaProcessing","sep":["</s>",2],"cls":["<s>",0]})"),
            "begins every text with <s>;ends every text with </s>;");
  EXPECT_EQ(with(R"({"max_length":512,"direction":"Right","strategy":"LongestFirst","stride":0})"),
            "cuts every text at 512 tokens;");
}

TEST(Tokenizer, TellsOfTokensThatOnlyItsConfigurationHas) {
  const fs::path folder = scratch_folder("tokenizer_config");
  const AddedToken end{1000, "<|endoftext|>", false, false, false, false, true};
  std::ofstream(folder / "tokenizer.json", std::ios::binary) << tokenizer_json(spec_with({end}));
  const auto told = [&](const std::string& config) {
    std::ofstream(folder / "tokenizer_config.json", std::ios::binary) << config;
    std::string all;
    const Tokenizer tokenizer = Tokenizer::load(folder);
    for (const std::string& what : tokenizer.passed_over()) all += what + ";";
    return all;
  };
  EXPECT_EQ(told(R"({"eos_token":"<|endoftext|>","pad_token":{"content":"<|endoftext|>"}})"), "");
  EXPECT_EQ(told(R"({"extra_special_tokens":["<tool>","<call>"],"pad_token":"<tool>"})"),
            "makes one token of <call> and 1 more, which tokenizer_config.json alone has;");
  EXPECT_EQ(told(R"({"added_tokens_decoder":{"1000":{"content":"<|endoftext|>","lstrip":true},)"
                 R"("1001":{"content":"<tool>"}}})"),
            "makes one token of <tool>, which tokenizer_config.json alone has;"
            "takes white space around <|endoftext|> as tokenizer_config.json says;");
}

TEST(Tokenizer, SaysWhatItCannotRead) {
  const fs::path folder = scratch_folder("tokenizer_bad");
  const auto message = [&](std::string text) {
    std::ofstream(folder / "tokenizer.json", std::ios::binary) << text;
    try {
      Tokenizer::load(folder);
    } catch (const std::exception& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const std::string good = tokenizer_json(spec_with({{1000, "<|endoftext|>"}}));
  std::string other = good;
  other.replace(other.find("\"BPE\""), 5, "\"Unigram\"");
  EXPECT_NE(message(other).find("model 'Unigram' is not supported"), std::string::npos);
  EXPECT_NE(message("{").find("not a tokenizer.json"), std::string::npos);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = good;
    EXPECT_NE(changed.find(from), std::string::npos) << from;
    return message(changed.replace(changed.find(from), from.size(), to));
  };
  EXPECT_NE(with("\"1.0\"", "\"2.0\"").find("version \"2.0\" is not supported"), std::string::npos);
  EXPECT_NE(with("\"\\\"\": 1", "\"\\\"\": 0").find("id 0 is given to two tokens"),
            std::string::npos);
  const std::string cut = R"({"type":"Sequence","pretokenizers":[{"type":"Split","pattern":)";
  const std::string level = R"(},{"type":"ByteLevel","add_prefix_space":false}]})";
  const auto split = [&](const std::string& how) {
    nlohmann::json file = nlohmann::json::parse(good);
    file["pre_tokenizer"] = nlohmann::json::parse(cut + how + level);
    return message(file.dump());
  };
  EXPECT_NE(split(R"({"String":" "},"behavior":"Removed","invert":false)").find("'Removed'"),
            std::string::npos);
  EXPECT_NE(split(R"({"String":" "},"behavior":"MergedWithNext","invert":false)").find("Isolated"),
            std::string::npos);
  EXPECT_NE(split(R"({"String":""},"behavior":"Isolated","invert":false)").find("empty text"),
            std::string::npos);
  EXPECT_NE(message(good).find("there is no end-of-text token"), std::string::npos);  // not special
}

// Theirs pass over the ids that the file gives to added tokens.
TEST(Tokenizer, RefusesAddedTokensThatTheirsGiveOtherIds) {
  const fs::path folder = scratch_folder("tokenizer_added");
  const AddedToken end{400, "<|endoftext|>", false, false, false, false, true};
  const std::string good = tokenizer_json(spec_with({end}));
  const auto message = [&](std::vector<nlohmann::json> added, const auto& load) {
    nlohmann::json file = nlohmann::json::parse(good);
    for (nlohmann::json& token : added) {
      token["special"] = token["normalized"] = false;
      file["added_tokens"].push_back(token);
    }
    std::ofstream(folder / "tokenizer.json", std::ios::binary) << file.dump();
    try {
      load(folder);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const auto load = [](const fs::path& path) { return Tokenizer::load(path); };
  EXPECT_EQ(message({{{"content", "zz"}, {"id", 401}}}, load), "");
  EXPECT_EQ(message({{{"content", "zz"}, {"id", 401}}, {{"content", "zz"}, {"id", 401}}}, load),
            "");
  EXPECT_EQ(message({{{"content", ""}, {"id", 401}}, {{"content", "zz"}, {"id", 401}}}, load), "");
  for (const int id : {5, 400, 402})
    EXPECT_NE(message({{{"content", "zz"}, {"id", id}}}, load).find("give it 401"),
              std::string::npos);
  EXPECT_NE(message({{{"content", "a"}, {"id", 401}}}, load).find("give it 64"), std::string::npos);
  EXPECT_NE(message({{{"content", "zz"}, {"id", 401}},
                     {{"content", "zz"}, {"id", 401}, {"lstrip", true}}},
                    load)
                .find("given twice"),
            std::string::npos);
}

// A vocabulary with gaps: theirs would count on from the number of tokens, into ids that are taken.
TEST(Tokenizer, RefusesChatTokensThatTheirsWouldGiveOtherIds) {
  const fs::path folder = scratch_folder("tokenizer_gaps");
  const AddedToken end{2, "<|endoftext|>", false, false, false, false, true};
  nlohmann::json file = nlohmann::json::parse(tokenizer_json(spec_with({})));
  file["model"]["vocab"]["<|endoftext|>"] = 2000;
  file["model"]["vocab"]["zz"] = 3000;
  file["added_tokens"].push_back(
      {{"id", 2000}, {"content", "<|endoftext|>"}, {"special", true}, {"normalized", false}});
  std::ofstream(folder / "tokenizer.json", std::ios::binary) << file.dump();
  EXPECT_NO_THROW(Tokenizer::load(folder));
  EXPECT_THROW(Tokenizer::load_for_chat(folder), Error);
}

}  // namespace
}  // namespace lehr::text
