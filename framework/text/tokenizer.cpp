#include "text/tokenizer.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <unordered_map>

#include <lehr/value.h>
#include <nlohmann/json.hpp>

#include "text/added_tokens.h"
#include "text/bpe_encoder.h"
#include "text/chat_format.h"
#include "text/nfc.h"
#include "text/strict_json.h"
#include "text/tokenizer_json.h"
#include "text/word_cache.h"

namespace lehr::text {
namespace {

namespace fs = std::filesystem;
constexpr const char* kJsonFile = "tokenizer.json";
constexpr const char* kConfigFile = "tokenizer_config.json";
constexpr const char* kTemplateFile = "chat_template.jinja";
constexpr std::string_view kEndOfTextOfLlama = "<|end_of_text|>", kEndOfTextOfOld = "</s>";

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw Error("cannot read '" + path.string() + "'");
  return std::move(text).str();
}

// A member of tokenizer_config.json; null if it is not there.
nlohmann::json config_member(const std::string& config, const char* name) {
  try {
    auto json = parse_json<nlohmann::json>(config);
    return json.is_object() && json.contains(name) ? std::move(json[name]) : nlohmann::json();
  } catch (const JsonError& e) {
    throw Error(std::string("not a tokenizer_config.json: ") + e.what());
  }
}

// "eos_token" of tokenizer_config.json is a string or an object with "content".
std::string config_token(const std::string& config, const char* name) {
  try {
    const auto token = config_member(config, name);
    if (token.is_string()) return token.get<std::string>();
    return token.is_object() ? token.value("content", "") : "";
  } catch (const nlohmann::json::exception& e) {
    throw Error(std::string("not a tokenizer_config.json: ") + e.what());
  }
}

// What transformers takes from tokenizer_config.json, and tokenizers do not: tokens that the other
// file does not have, or has with other white space.
void read_config_tokens(const std::string& config, TokenizerSpec& spec) {
  std::vector<nlohmann::json> listed;
  for (const char* name : {"bos_token", "eos_token", "unk_token", "pad_token"})
    listed.push_back(config_member(config, name));
  for (const char* name :
       {"additional_special_tokens", "extra_special_tokens", "added_tokens_decoder"})
    for (nlohmann::json& token : config_member(config, name)) listed.push_back(std::move(token));
  std::vector<std::string> missing, other;
  for (const nlohmann::json& token : listed) {
    const nlohmann::json content =
        token.is_object() ? token.value("content", nlohmann::json()) : token;
    const std::string text = content.is_string() ? content.get<std::string>() : "";
    if (text.empty()) continue;
    const auto found = std::find_if(spec.added.begin(), spec.added.end(),
                                    [&](const AddedToken& t) { return t.content == text; });
    const auto differs = [&](const char* flag, bool ours) {
      return token.is_object() && token.contains(flag) && token[flag] != ours;
    };
    if (found == spec.added.end())
      missing.push_back(text);
    else if (differs("lstrip", found->lstrip) || differs("rstrip", found->rstrip))
      other.push_back(text);
  }
  const auto tell = [&](const char* what, std::vector<std::string>& tokens, const char* why) {
    std::sort(tokens.begin(), tokens.end());
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    if (tokens.empty()) return;
    const std::string more =
        tokens.size() > 1 ? " and " + std::to_string(tokens.size() - 1) + " more" : "";
    spec.passed_over.push_back(what + tokens[0] + more + why);
  };
  tell("makes one token of ", missing, ", which tokenizer_config.json alone has");
  tell("takes white space around ", other, " as tokenizer_config.json says");
}

TokenizerSpec spec_of(const BpeModel& model) {
  TokenizerSpec spec;
  spec.pretokenizer = model.pretokenizer;
  spec.tokens = model.tokens;
  spec.merges = model.merges;
  for (const std::string& content : model.special_tokens) spec.add_special(content, spec.end());
  return spec;
}

}  // namespace

std::vector<std::string> chat_special_tokens() {
  return {std::string(kEndOfText), std::string(kPad), std::string(kImStart), std::string(kImEnd)};
}

void add_chat_tokens(TokenizerSpec& spec, std::string_view eos_token) {
  const auto ends = {kEndOfText, kEndOfTextOfLlama, kEndOfTextOfOld, eos_token};
  const bool has_end = std::any_of(ends.begin(), ends.end(),
                                   [&](std::string_view end) { return spec.has_special(end); });
  for (const std::string& token : chat_special_tokens())
    if (!spec.has_special(token) && !(token == kEndOfText && has_end))
      spec.add_special(token, spec.end());
}

Tokenizer::Cache::Cache() : words_(std::make_unique<WordCache>()) {}
Tokenizer::Cache::~Cache() = default;
Tokenizer::Cache::Cache(Cache&&) noexcept = default;
Tokenizer::Cache& Tokenizer::Cache::operator=(Cache&&) noexcept = default;

struct Tokenizer::Impl {
  Impl(const TokenizerSpec& spec, std::map<std::string, std::string> its_files)
      : pretokenizer(spec.pretokenizer),
        nfc(spec.nfc),
        add_prefix_space(spec.add_prefix_space),
        passed_over(spec.passed_over),
        bpe(spec.tokens, spec.merges, spec.ignore_merges, spec.merging,
            {spec.unknown, spec.fuse_unknown}),
        files(std::move(its_files)),
        tokens(spec.tokens) {
    std::vector<AddedToken> early, late;
    for (const AddedToken& token : spec.added) {
      if (token.id >= tokens.size()) tokens.resize(token.id + 1);
      tokens[token.id] = token.content;
      if (token.special) special.emplace(token.content, token.id);
      AddedToken matched = token;
      if (token.normalized && nfc) matched.content = to_nfc(token.content);
      (token.normalized ? late : early).push_back(std::move(matched));
    }
    before = AddedTokens(std::move(early));
    after = AddedTokens(std::move(late));
    is_special.resize(tokens.size());
    for (const auto& [content, id] : special) is_special[id] = 1;
    byte_lengths.resize(tokens.size());
    for (std::size_t id = 0; id < tokens.size(); ++id)
      if (!is_special[id]) byte_lengths[id] = static_cast<std::uint32_t>(tokens[id].size());
    find_roles();
  }

  std::optional<TokenId> find(std::string_view written) const {
    const auto found = special.find(std::string(written));
    if (found == special.end()) return std::nullopt;
    return found->second;
  }

  void find_roles() {
    const auto config = files.find(kConfigFile);
    const auto named = [&](const char* name) {
      return config == files.end() ? std::nullopt : find(config_token(config->second, name));
    };
    for (const std::string_view written : {kEndOfText, kEndOfTextOfLlama})
      if (!end_of_text) end_of_text = find(written);
    if (!end_of_text) end_of_text = named("eos_token");
    if (!end_of_text) end_of_text = find(kEndOfTextOfOld);
    if (!end_of_text)
      throw Error(
          "there is no end-of-text token: neither <|endoftext|>, <|end_of_text|>, </s> nor an "
          "eos_token in tokenizer_config.json");
    pad = find(kPad);
    if (!pad) pad = named("pad_token");
    im_start = find(kImStart);
    im_end = find(kImEnd);
    find_chat_format();
  }

  // The template is in a file of its own, or in older folders in tokenizer_config.json: as a text,
  // or as several with names.
  std::optional<std::string> chat_template() const {
    if (const auto file = files.find(kTemplateFile); file != files.end()) return file->second;
    const auto config = files.find(kConfigFile);
    if (config == files.end()) return {};
    const auto found = config_member(config->second, "chat_template");
    if (found.is_string()) return found.get<std::string>();
    if (!found.is_array()) return {};
    for (const auto& one : found)
      if (one.is_object() && one.value("name", nlohmann::json()) == "default" &&
          one.contains("template") && one["template"].is_string())
        return one["template"].get<std::string>();
    return {};
  }

  void find_chat_format() {
    chat = ChatFormat();
    if (const auto jinja = chat_template(); jinja && !jinja->empty()) {
      const auto config = files.find(kConfigFile);
      chat = known_chat_format(
          *jinja, config == files.end() ? "" : config_token(config->second, "bos_token"));
      if (!chat) {
        no_chat =
            "the model's chat template is none that Lehr can write; known are those of Llama 3, "
            "Qwen2, Qwen2.5, Qwen3, SmolLM2 and plain ChatML. To talk in ChatML instead, give "
            "import 'chat: chatml', or take the template out of the model's folder";
        return;
      }
    } else if (!find(kImStart) || !find(kImEnd)) {
      no_chat =
          "the tokenizer has no <|im_start|> and <|im_end|>, which chat rendering needs. Train one "
          "here, or import a model that has been made for ChatML or brings a chat template";
    }
    im_start = find(chat->head);
    im_end = find(chat->end);
  }

  // What all caches have in common; gone when the last of them is.
  std::shared_ptr<SharedWordCache> shared_words() const {
    const std::lock_guard lock(words_mutex);
    auto shared = words.lock();
    if (!shared) words = shared = std::make_shared<SharedWordCache>();
    return shared;
  }

  template <class Id>
  void encode_words(std::string_view text, IdBuffer<Id>& ids, WordCache& cache) const {
    cache.begin([&] { return shared_words(); });
    Id* next = ids.room(text.size() + WordCache::kInSlot);  // no token has less than a byte
    for_each_word(pretokenizer, text, cache, [&](std::string_view word, const WordKey& key) {
      if (const WordCache::Ids* known = cache.find(key, word)) [[likely]] {
        next = cache.write(*known, next);
        return;
      }
      std::vector<TokenId>& found = cache.scratch();
      found.clear();
      bpe.encode(word, found);
      cache.put(key, word, found);
      for (const TokenId id : found) *next++ = static_cast<Id>(id);
    });
    ids.set_end(next);
  }

  Pretokenizer pretokenizer;
  bool nfc, add_prefix_space;
  std::vector<std::string> passed_over;
  BpeEncoder bpe;
  AddedTokens before, after;  // matched before and after normalization
  std::map<std::string, std::string> files;
  mutable std::mutex words_mutex;
  mutable std::weak_ptr<SharedWordCache> words;
  std::vector<std::string> tokens;  // bytes by id
  std::vector<std::uint8_t> is_special;
  std::vector<std::uint32_t> byte_lengths;
  std::unordered_map<std::string, TokenId> special;
  std::optional<TokenId> end_of_text, pad, im_start, im_end;
  std::optional<ChatFormat> chat;
  std::string no_chat;  // why none can be written; empty: it can
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Tokenizer::Tokenizer(const BpeModel& model) : Tokenizer(spec_of(model)) {}

Tokenizer::Tokenizer(const TokenizerSpec& spec) {
  std::map<std::string, std::string> files = {{kJsonFile, tokenizer_json(spec)},
                                              {kConfigFile, tokenizer_config_json(spec)}};
  const auto jinja = spec.chat_template.value_or(std::string(chat_template_jinja()));
  if (!jinja.empty()) files.emplace(kTemplateFile, jinja);
  impl_ = std::make_unique<Impl>(spec, std::move(files));
}

Tokenizer Tokenizer::load(const fs::path& path) { return load(path, false); }
Tokenizer Tokenizer::load_for_chat(const fs::path& path) { return load(path, true); }

Tokenizer Tokenizer::load(const fs::path& path, bool for_chat) {
  const bool is_folder = fs::is_directory(path);
  const fs::path json = is_folder ? path / kJsonFile : path;
  std::map<std::string, std::string> files = {{kJsonFile, read_file(json)}};
  for (const char* name : {kConfigFile, kTemplateFile, kTokenizerCodeFile})
    if (is_folder && fs::exists(path / name)) files[name] = read_file(path / name);
  try {
    TokenizerSpec spec = parse_tokenizer_json(files[kJsonFile]);
    if (files.contains(kConfigFile)) {
      spec.merging = merging_of(files[kConfigFile]);
      read_config_tokens(files[kConfigFile], spec);
    }
    if (for_chat) {
      const bool has_config = files.contains(kConfigFile);
      add_chat_tokens(spec, has_config ? config_token(files[kConfigFile], "eos_token") : "");
      files[kJsonFile] = with_added_tokens(files[kJsonFile], spec);
      parse_tokenizer_json(files[kJsonFile]);  // they may have no such ids to give
      if (!has_config) files[kConfigFile] = tokenizer_config_json(spec);
      files.emplace(kTemplateFile, chat_template_jinja());
    }
    return Tokenizer(std::make_unique<Impl>(spec, std::move(files)));
  } catch (const Error& e) {
    throw Error("'" + json.string() + "': " + e.what());
  }
}

void Tokenizer::save(const fs::path& folder) const {
  for (const auto& [name, text] : impl_->files) {
    std::ofstream file(folder / name, std::ios::binary | std::ios::trunc);
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    file.close();
    if (!file) throw Error("cannot write '" + (folder / name).string() + "'");
  }
}

template <class Id>
void Tokenizer::encode(std::string_view text, IdBuffer<Id>& ids, Cache& cache,
                       Specials specials) const {
  if (sizeof(Id) == 2 && vocab_size() > 65536)
    throw std::logic_error("ids of this vocabulary do not fit 16 bits");
  const bool as_text = specials == Specials::as_text;
  const auto encode_piece = [&](std::string_view piece) {
    if (impl_->add_prefix_space && !piece.starts_with(' '))
      impl_->encode_words(" " + std::string(piece), ids, *cache.words_);
    else
      impl_->encode_words(piece, ids, *cache.words_);
  };
  std::vector<AddedTokens::Piece> early, late;
  impl_->before.split(text, as_text, early);
  for (const auto& outer : early) {
    if (outer.id) {
      ids.push_back(static_cast<Id>(*outer.id));
      continue;
    }
    const bool nfc = impl_->nfc && !is_surely_nfc(outer.text);
    const std::string normal = nfc ? to_nfc(outer.text) : std::string();
    late.clear();
    impl_->after.split(nfc ? std::string_view(normal) : outer.text, as_text, late);
    for (const auto& inner : late) {
      if (inner.id)
        ids.push_back(static_cast<Id>(*inner.id));
      else
        encode_piece(inner.text);
    }
  }
}
template void Tokenizer::encode(std::string_view, IdBuffer<std::uint16_t>&, Cache&, Specials) const;
template void Tokenizer::encode(std::string_view, IdBuffer<TokenId>&, Cache&, Specials) const;

void Tokenizer::encode(std::string_view text, std::vector<TokenId>& ids, Cache& cache,
                       Specials specials) const {
  cache.ids_.clear();
  encode(text, cache.ids_, cache, specials);
  const std::span<const TokenId> found = cache.ids_.ids();
  ids.insert(ids.end(), found.begin(), found.end());
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, Specials specials) const {
  Cache cache;
  std::vector<TokenId> ids;
  encode(text, ids, cache, specials);
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string out;
  for (const TokenId id : ids) {
    if (id >= impl_->tokens.size())
      throw std::out_of_range("token id " + std::to_string(id) + " is not in a vocabulary of " +
                              std::to_string(impl_->tokens.size()));
    if (!skip_special || !impl_->is_special[id]) out += impl_->tokens[id];
  }
  return out;
}

std::size_t Tokenizer::vocab_size() const { return impl_->tokens.size(); }
std::string_view Tokenizer::token_bytes(TokenId id) const { return impl_->tokens.at(id); }
bool Tokenizer::is_special(TokenId id) const { return impl_->is_special.at(id) != 0; }
std::optional<TokenId> Tokenizer::find_special(std::string_view written) const {
  return impl_->find(written);
}
const Pretokenizer& Tokenizer::pretokenizer() const { return impl_->pretokenizer; }
const std::vector<std::string>& Tokenizer::passed_over() const { return impl_->passed_over; }
const ChatFormat& Tokenizer::chat_format() const {
  if (!impl_->no_chat.empty()) throw Error(impl_->no_chat);
  return *impl_->chat;
}
TokenId Tokenizer::end_of_text() const { return *impl_->end_of_text; }
std::optional<TokenId> Tokenizer::pad() const { return impl_->pad; }
std::optional<TokenId> Tokenizer::im_start() const { return impl_->im_start; }
std::optional<TokenId> Tokenizer::im_end() const { return impl_->im_end; }
const std::vector<std::uint32_t>& Tokenizer::byte_lengths() const { return impl_->byte_lengths; }

}  // namespace lehr::text
