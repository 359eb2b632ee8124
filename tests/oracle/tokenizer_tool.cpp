// Lets tokenizer_oracle.py ask our tokenizer. Texts come on standard input, one JSON string a line.
//   tokenizer_tool train PATTERN TIE_BREAK VOCAB_SIZE FOLDER    writes a tokenizer
//   tokenizer_tool import FILE PATTERN FOLDER                   a .tiktoken file as a tokenizer
//   tokenizer_tool encode FOLDER match|as_text                  writes one JSON list of ids a line
//   tokenizer_tool chat FOLDER    lists of messages instead of texts; writes
//   {"ids","trained","prompt"}, the
//                                 prompt being what asks for the last message
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "text/chat.h"
#include "text/tiktoken_file.h"
#include "text/tokenizer.h"

using namespace lehr::text;

namespace {

// PATTERN: a name or an expression.
Pretokenizer pretokenizer_of(const std::string& pattern) {
  for (const Pattern known : kPatterns)
    if (pattern_name(known) == pattern) return known;
  return Pretokenizer(std::vector{pattern});
}

template <class Each>
void for_each_text(Each each) {
  for (std::string line; std::getline(std::cin, line);)
    each(nlohmann::json::parse(line).get<std::string>());
}

int train(char** argv) {
  const Pretokenizer pattern = pretokenizer_of(argv[2]);
  WordCounts counts(pattern);
  for_each_text([&](const std::string& text) { counts.add(text); });
  BpeOptions options;
  options.tie_break = std::string(argv[3]) == "rustbpe" ? TieBreak::rustbpe : TieBreak::huggingface;
  options.vocab_size = std::stoul(argv[4]);
  options.special_tokens = chat_special_tokens();
  std::filesystem::create_directories(argv[5]);
  Tokenizer(train_bpe(counts.sorted(), pattern, options)).save(argv[5]);
  return 0;
}

int import(char** argv) {
  std::ifstream file(argv[2], std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  TokenizerSpec spec = parse_tiktoken_file(text, pretokenizer_of(argv[3]));
  add_chat_tokens(spec);
  std::filesystem::create_directories(argv[4]);
  Tokenizer(spec).save(argv[4]);
  return 0;
}

int encode(char** argv) {
  const Tokenizer tokenizer = Tokenizer::load(argv[2]);
  const auto specials = std::string(argv[3]) == "match" ? Specials::match : Specials::as_text;
  Tokenizer::Cache cache;
  std::vector<TokenId> ids;
  for_each_text([&](const std::string& text) {
    ids.clear();
    tokenizer.encode(text, ids, cache, specials);
    std::cout << nlohmann::json(ids).dump() << "\n";
  });
  return 0;
}

int chat(char** argv) {
  const Tokenizer tokenizer = Tokenizer::load(argv[2]);
  Tokenizer::Cache cache;
  for (std::string line; std::getline(std::cin, line);) {
    Messages messages;
    for (const auto& m : nlohmann::json::parse(line))
      messages.push_back({m.at("role").get<std::string>(), m.at("content").get<std::string>()});
    const ChatTokens whole = render_chat(tokenizer, messages, cache);
    messages.pop_back();
    std::cout << nlohmann::json{{"ids", whole.ids},
                                {"trained", whole.trained},
                                {"prompt", render_prompt(tokenizer, messages, cache)}}
                     .dump()
              << "\n";
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 6 && std::string(argv[1]) == "train") return train(argv);
    if (argc == 5 && std::string(argv[1]) == "import") return import(argv);
    if (argc == 4 && std::string(argv[1]) == "encode") return encode(argv);
    if (argc == 3 && std::string(argv[1]) == "chat") return chat(argv);
    std::cerr << "usage: tokenizer_tool train PATTERN TIE_BREAK VOCAB_SIZE FOLDER\n"
                 "       tokenizer_tool import FILE PATTERN FOLDER\n"
                 "       tokenizer_tool encode FOLDER match|as_text\n"
                 "       tokenizer_tool chat FOLDER\n";
    return 2;
  } catch (const std::exception& e) {
    std::cerr << e.what() << "\n";
    return 1;
  }
}
