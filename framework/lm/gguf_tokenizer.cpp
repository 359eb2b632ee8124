#include "lm/gguf_tokenizer.h"

#include <stdexcept>
#include <unordered_map>

#include "text/byte_alphabet.h"

namespace lehr::lm {
namespace {

// What llama.cpp calls a pre-tokenizer, and whether whole words go before merges there.
struct PreTokenizer {
  const char* name;
  text::Pretokenizer cut;
  bool ignore_merges;
};

const std::vector<PreTokenizer>& pre_tokenizers() {
  using text::Pattern;
  static const std::vector<PreTokenizer> known = {
      {"gpt-2", Pattern::gpt2, false},    {"llama-bpe", Pattern::llama3, true},
      {"qwen2", Pattern::qwen2, false},   {"gpt-4o", Pattern::o200k, false},
      {"dbrx", Pattern::cl100k, false},   {"dbrx", Pattern::llama3, false},
      {"smollm", Pattern::smollm, false},
  };
  return known;
}

enum TokenType : int64_t { kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5 };

}  // namespace

text::TokenizerSpec gguf_tokenizer(const GgufFile& file) {
  const auto refuse = [&](const std::string& what) -> std::runtime_error {
    return std::runtime_error(file.path().string() + ": " + what);
  };
  if (const std::string& model = file.text("tokenizer.ggml.model"); model != "gpt2")
    throw refuse("tokenizer '" + model + "' is not supported, only byte-level BPE ('gpt2')");
  text::TokenizerSpec spec;
  const std::string& pre = file.text("tokenizer.ggml.pre");
  const PreTokenizer* known = nullptr;
  for (const PreTokenizer& p : pre_tokenizers())
    if (known == nullptr && pre == p.name) known = &p;
  if (known == nullptr) throw refuse("pre-tokenizer '" + pre + "' is not supported");
  spec.pretokenizer = known->cut;
  spec.ignore_merges = known->ignore_merges;

  const auto* tokens = file.get<std::vector<std::string>>("tokenizer.ggml.tokens");
  const auto* merges = file.get<std::vector<std::string>>("tokenizer.ggml.merges");
  const auto* types = file.get<std::vector<int64_t>>("tokenizer.ggml.token_type");
  if (tokens == nullptr || merges == nullptr) throw refuse("has no tokens or no merges");
  if (types != nullptr && types->size() != tokens->size())
    throw refuse("has " + std::to_string(types->size()) + " token types for " +
                 std::to_string(tokens->size()) + " tokens");
  std::unordered_map<std::string, text::TokenId> ids;
  spec.tokens.resize(tokens->size());
  for (std::size_t id = 0; id < tokens->size(); ++id) {
    const std::string& written = (*tokens)[id];
    const int64_t type = types != nullptr ? (*types)[id] : int64_t{kNormal};
    if (type == kUnused) continue;
    if (type == kControl || type == kUserDefined) {
      text::AddedToken added;
      added.id = static_cast<text::TokenId>(id);
      added.content = written;
      added.special = type == kControl;
      spec.added.push_back(std::move(added));
      continue;
    }
    const auto bytes = text::from_byte_level(written);
    if (!bytes) throw refuse("token '" + written + "' is not byte-level text");
    spec.tokens[id] = *bytes;
    ids.emplace(written, static_cast<text::TokenId>(id));
  }
  for (const std::string& merge : *merges) {
    const std::size_t space = merge.find(' ');
    const auto left = ids.find(merge.substr(0, space));
    const auto right = space == merge.npos ? ids.end() : ids.find(merge.substr(space + 1));
    if (left == ids.end() || right == ids.end())
      throw refuse("merge '" + merge + "' is no pair of tokens");
    spec.merges.emplace_back(left->second, right->second);
  }
  if (const auto* begin = file.get<int64_t>("tokenizer.ggml.bos_token_id"))
    for (const text::AddedToken& token : spec.added)
      if (token.special && token.id == *begin) spec.begin_of_text = token.content;
  const auto* jinja = file.get<std::string>("tokenizer.chat_template");
  spec.chat_template = jinja != nullptr ? *jinja : "";
  return spec;
}

GgufMetadata gguf_tokenizer_keys(const text::TokenizerSpec& spec, int64_t vocab_size) {
  const PreTokenizer* known = nullptr;
  for (const PreTokenizer& p : pre_tokenizers())
    if (known == nullptr && spec.pretokenizer.expressions() == p.cut.expressions() &&
        spec.ignore_merges == p.ignore_merges)
      known = &p;
  if (known == nullptr || spec.add_prefix_space)
    throw std::runtime_error("GGUF has no name for the tokenizer's pre-tokenizer '" +
                             spec.pretokenizer.name() + "'" +
                             (spec.ignore_merges ? " with ignore_merges" : "") +
                             (spec.add_prefix_space ? " with a space before the text" : ""));
  const auto size = static_cast<std::size_t>(vocab_size);
  std::vector<std::string> tokens(size), merges;
  std::vector<int64_t> types(size, kUnused);
  for (std::size_t id = 0; id < size; ++id) tokens[id] = "[UNUSED" + std::to_string(id) + "]";
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    if (spec.tokens[id].empty()) continue;
    tokens.at(id) = text::to_byte_level(spec.tokens[id]);
    types.at(id) = kNormal;
  }
  for (const text::AddedToken& token : spec.added) {
    tokens.at(token.id) = token.content;
    types.at(token.id) = token.special ? kControl : kUserDefined;
  }
  for (const auto& [left, right] : spec.merges)
    merges.push_back(text::to_byte_level(spec.tokens[left]) + " " +
                     text::to_byte_level(spec.tokens[right]));
  return {{"tokenizer.ggml.model", std::string("gpt2")},
          {"tokenizer.ggml.pre", std::string(known->name)},
          {"tokenizer.ggml.tokens", std::move(tokens)},
          {"tokenizer.ggml.token_type", std::move(types)},
          {"tokenizer.ggml.merges", std::move(merges)},
          {"tokenizer.ggml.add_bos_token", false}};
}

}  // namespace lehr::lm
