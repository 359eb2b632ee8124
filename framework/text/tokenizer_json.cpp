#include "text/tokenizer_json.h"

#include <algorithm>
#include <cctype>
#include <unordered_map>

#include <lehr/value.h>
#include <simdjson.h>
#include <nlohmann/json.hpp>

#include "text/byte_alphabet.h"
#include "text/strict_json.h"
#include "text/tokenizer.h"
#include "text/vocabulary_json.h"
#include "text/whole_number.h"

namespace lehr::text {
namespace {

using Parsed = nlohmann::json;
using Json = nlohmann::ordered_json;  // keeps the order in which we write

// How a tokenizer_config.json says that tokens merge by rank. Hugging Face's tokenizers know only
// lists of merges, and pass it over.
constexpr const char* kMerging = "lehr_merging";
constexpr const char* kRankConcat = "rank_concat";

std::string type_of(const Parsed& part) {
  return part.is_null() ? "null" : part.value("type", "?");
}

bool is_set(const Parsed& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && !found->is_null() && *found != false && *found != "" &&
         *found != 0;
}

void read_normalizer(const Parsed& part, TokenizerSpec& spec) {
  const std::string type = type_of(part);
  if (type == "NFC") {
    spec.nfc = true;
  } else if (type == "Sequence") {
    for (const Parsed& inner : part.at("normalizers")) read_normalizer(inner, spec);
  } else if (type != "null") {
    throw Error("normalizer '" + type + "' is not supported (only NFC)");
  }
}

// The expression of a step that cuts; Error if it does something else too.
std::string expression_of(const Parsed& step) {
  const std::string kind = type_of(step);
  if (kind == "Digits") return step.value("individual_digits", false) ? R"(\p{N})" : R"(\p{N}+)";
  if (kind != "Split") throw Error("pre-tokenizer '" + kind + "' is not supported in this place");
  const Parsed& pattern = step.at("pattern");
  const bool is_text = pattern.contains("String");
  std::string regex;
  if (is_text) {
    for (const char c : pattern.at("String").get<std::string>())
      regex += (std::ispunct(static_cast<unsigned char>(c)) ? "\\" : "") + std::string(1, c);
    if (regex.empty()) throw Error("a Split at an empty text");
  } else {
    regex = pattern.at("Regex").get<std::string>();
  }
  const std::string behavior = step.value("behavior", "");
  const bool invert = step.value("invert", false);
  // What lies between the matches of a known expression is nothing, so it can be removed too.
  const bool removes_nothing =
      !is_text && behavior == "Removed" && invert && pattern_from_regex(regex);
  // Matches are pieces of their own either way.
  if (!removes_nothing && behavior != "Isolated")
    throw Error("a Split with behavior '" + behavior + "'" + (invert ? ", inverted," : "") +
                " is not supported (only Isolated)");
  return regex;
}

// Steps that cut, then ByteLevel, which may cut as GPT-2.
void read_pre_tokenizer(const Parsed& part, TokenizerSpec& spec) {
  std::vector<Parsed> steps;
  if (type_of(part) == "Sequence")
    for (const Parsed& step : part.at("pretokenizers")) steps.push_back(step);
  else
    steps.push_back(part);
  if (steps.empty() || type_of(steps.back()) != "ByteLevel")
    throw Error("the last pre-tokenizer is not ByteLevel: only byte-level BPE is supported");
  std::vector<std::string> expressions;
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) expressions.push_back(expression_of(steps[i]));
  spec.add_prefix_space = steps.back().value("add_prefix_space", false);
  if (spec.add_prefix_space && !expressions.empty())
    throw Error("a ByteLevel pre-tokenizer that adds spaces to pieces is not supported");
  if (steps.back().value("use_regex", true)) expressions.emplace_back(pattern_regex(Pattern::gpt2));
  if (expressions.empty())
    throw Error("pre-tokenizer: a ByteLevel that does not cut the text is not supported");
  spec.pretokenizer = Pretokenizer(expressions);
}

AddedToken read_added(const Parsed& json) {
  AddedToken token;
  token.id = whole_number<TokenId>(json.at("id"));
  token.content = json.at("content").get<std::string>();
  token.single_word = json.value("single_word", false);
  token.lstrip = json.value("lstrip", false);
  token.rstrip = json.value("rstrip", false);
  token.special = json.value("special", false);
  token.normalized = json.value("normalized", !token.special);
  return token;
}

// Hugging Face's tokenizers pass over the ids that the file gives to added tokens: those of the
// vocabulary keep theirs, the others get the next ones.
void read_added_tokens(const Parsed& list, const VocabularyJson& vocabulary, TokenizerSpec& spec) {
  std::unordered_map<std::string, Parsed> written;
  std::size_t next = vocabulary.size();
  for (const Parsed& json : list) {
    AddedToken token = read_added(json);
    if (token.content.empty()) continue;  // as there
    const auto [first, is_new] = written.emplace(token.content, json);
    if (!is_new && first->second == json) continue;
    if (!is_new) throw Error("added token '" + token.content + "' is given twice, each otherwise");
    const TokenId theirs = vocabulary.find(token.content).value_or(static_cast<TokenId>(next));
    if (token.id != theirs)
      throw Error("added token '" + token.content + "' has id " + std::to_string(token.id) +
                  ", but tokenizers of Hugging Face give it " + std::to_string(theirs) +
                  ", whatever the file says. Write that id, or put the token into model.vocab with "
                  "the one that is meant");
    next = std::max<std::size_t>(next, token.id + 1);
    spec.added.push_back(std::move(token));
  }
}

// What a post-processor puts around a text.
void read_post_processor(const Parsed& part, TokenizerSpec& spec) {
  const std::string type = part.is_object() ? type_of(part) : "null";
  const auto around = [&](const char* how, const Parsed& token) {
    spec.passed_over.push_back(how + token.get<std::string>());
  };
  if (type == "Sequence") {
    for (const Parsed& inner : part.at("processors")) read_post_processor(inner, spec);
  } else if (type == "TemplateProcessing") {
    bool before = true;
    for (const Parsed& piece : part.at("single"))
      if (!piece.contains("SpecialToken"))
        before = false;
      else
        around(before ? "begins every text with " : "ends every text with ",
               piece.at("SpecialToken").at("id"));
  } else if (type == "RobertaProcessing" || type == "BertProcessing") {
    around("begins every text with ", part.at("cls").at(0));
    around("ends every text with ", part.at("sep").at(0));
  }
}

void read_lengths(const Parsed& file, TokenizerSpec& spec) {
  if (is_set(file, "truncation"))
    spec.passed_over.push_back("cuts every text at " + file["truncation"].at("max_length").dump() +
                               " tokens");
  if (is_set(file, "padding")) spec.passed_over.emplace_back("pads texts to one length");
}

void read_model(const Parsed& model, TokenizerSpec& spec) {
  if (const std::string type = model.value("type", "BPE"); type != "BPE")
    throw Error("model '" + type + "' is not supported (only BPE)");
  for (const char* name :
       {"continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "dropout"})
    if (is_set(model, name))
      throw Error(std::string("model setting '") + name + "' is not supported");
  spec.ignore_merges = model.value("ignore_merges", false);
  spec.fuse_unknown = model.value("fuse_unk", false);
}

// After the vocabulary was read.
void read_unknown(const Parsed& model, TokenizerSpec& spec) {
  if (!is_set(model, "unk_token")) return;
  const auto written = model.at("unk_token").get<std::string>();
  const auto found = std::find(spec.tokens.begin(), spec.tokens.end(), from_byte_level(written));
  if (found != spec.tokens.end()) {
    spec.unknown = static_cast<TokenId>(found - spec.tokens.begin());
    return;
  }
  for (int byte = 0; byte < 256; ++byte)
    if (!std::count(spec.tokens.begin(), spec.tokens.end(),
                    std::string(1, static_cast<char>(byte))))
      throw Error("unk_token '" + written + "' is not in the vocabulary, which lacks bytes");
}

Json added_json(const AddedToken& t) {
  return {{"content", t.content}, {"single_word", t.single_word}, {"lstrip", t.lstrip},
          {"rstrip", t.rstrip},   {"normalized", t.normalized},   {"special", t.special}};
}

Json added_tokens_json(const TokenizerSpec& spec) {
  Json added = Json::array();
  for (const AddedToken& token : spec.added) {
    Json entry = {{"id", token.id}};
    entry.update(added_json(token));
    added.push_back(std::move(entry));
  }
  return added;
}

Json byte_level(bool add_prefix_space, bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", add_prefix_space},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

}  // namespace

TokenId TokenizerSpec::end() const {
  auto end = static_cast<TokenId>(tokens.size());
  for (const AddedToken& token : added) end = std::max(end, token.id + 1);
  return end;
}

bool TokenizerSpec::has_special(std::string_view content) const {
  return std::any_of(added.begin(), added.end(),
                     [&](const AddedToken& t) { return t.special && t.content == content; });
}

void TokenizerSpec::add_special(const std::string& content, TokenId id) {
  check_token_id(id, tokens.size() + added.size());
  const bool taken =
      (id < tokens.size() && !tokens[id].empty()) ||
      std::any_of(added.begin(), added.end(), [&](const AddedToken& t) { return t.id == id; });
  if (taken || content.empty())
    throw Error("special token '" + content + "': id " + std::to_string(id) +
                (taken ? " is another token's" : " has no text"));
  AddedToken token;
  token.id = id;
  token.content = content;
  token.special = true;
  added.push_back(std::move(token));
}

TokenizerSpec parse_tokenizer_json(std::string_view json) {
  TokenizerSpec spec;
  try {
    VocabularyJson lists(json);
    const auto file = parse_json<Parsed>(lists.rest());
    if (const Parsed version = file.value("version", Parsed("1.0")); version != "1.0")
      throw Error("version " + version.dump() + " is not supported (only \"1.0\")");
    read_normalizer(file.value("normalizer", Parsed()), spec);
    read_pre_tokenizer(file.value("pre_tokenizer", Parsed()), spec);
    read_model(file.at("model"), spec);
    lists.read(spec);
    read_unknown(file.at("model"), spec);
    read_added_tokens(file.value("added_tokens", Parsed::array()), lists, spec);
    read_post_processor(file.value("post_processor", Parsed()), spec);
    read_lengths(file, spec);
  } catch (const nlohmann::json::exception& e) {
    throw Error(std::string("not a tokenizer.json: ") + e.what());
  } catch (const JsonError& e) {
    throw Error(std::string("not a tokenizer.json: ") + e.what());
  }
  for (const AddedToken& token : spec.added) {
    check_token_id(token.id, spec.tokens.size() + spec.added.size());
    // Typed text must never become a special token by way of the vocabulary.
    if (token.special && token.id < spec.tokens.size()) spec.tokens[token.id].clear();
  }
  return spec;
}

std::string tokenizer_json(const TokenizerSpec& spec) {
  const bool is_gpt2 = spec.pretokenizer.pattern() == Pattern::gpt2;
  Json pre_tokenizer = byte_level(spec.add_prefix_space, is_gpt2);
  if (!is_gpt2) {
    Json steps = Json::array();
    for (const std::string& expression : spec.pretokenizer.expressions())
      steps.push_back({{"type", "Split"},
                       {"pattern", {{"Regex", expression}}},
                       {"behavior", "Isolated"},
                       {"invert", false}});
    steps.push_back(std::move(pre_tokenizer));
    pre_tokenizer = {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
  }
  Json vocab = Json::object();
  // As the vector it is: by key, every insertion would search all of it.
  auto& entries = vocab.get_ref<Json::object_t&>();
  for (std::size_t id = 0; id < spec.tokens.size(); ++id)
    if (!spec.tokens[id].empty()) entries.emplace_back(to_byte_level(spec.tokens[id]), id);
  for (const AddedToken& token : spec.added) entries.emplace_back(token.content, token.id);
  Json merges = Json::array();
  for (const auto& [left, right] : spec.merges)
    merges.push_back({to_byte_level(spec.tokens[left]), to_byte_level(spec.tokens[right])});

  const Json file = {{"version", "1.0"},
                     {"truncation", nullptr},
                     {"padding", nullptr},
                     {"added_tokens", added_tokens_json(spec)},
                     {"normalizer", spec.nfc ? Json{{"type", "NFC"}} : Json()},
                     {"pre_tokenizer", pre_tokenizer},
                     {"post_processor", nullptr},
                     {"decoder", byte_level(true, true)},
                     {"model",
                      {{"type", "BPE"},
                       {"dropout", nullptr},
                       {"unk_token", nullptr},
                       {"continuing_subword_prefix", nullptr},
                       {"end_of_word_suffix", nullptr},
                       {"fuse_unk", false},
                       {"byte_fallback", false},
                       {"ignore_merges", spec.ignore_merges},
                       {"vocab", vocab},
                       {"merges", merges}}}};
  return file.dump(1) + "\n";
}

std::string tokenizer_config_json(const TokenizerSpec& spec) {
  Json decoder = Json::object(), additional = Json::array();
  bool end = false, pad = false;
  for (const AddedToken& token : spec.added) {
    decoder[std::to_string(token.id)] = added_json(token);
    if (token.content == kEndOfText)
      end = true;
    else if (token.content == kPad)
      pad = true;
    else if (token.special)
      additional.push_back(token.content);
  }
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                 {"added_tokens_decoder", decoder},
                 {"additional_special_tokens", additional},
                 {"bos_token", spec.begin_of_text.empty() ? Json() : Json(spec.begin_of_text)},
                 {"eos_token", end ? Json(kEndOfText) : Json()},
                 {"pad_token", pad ? Json(kPad) : Json()},
                 {"unk_token", nullptr},
                 {"add_prefix_space", spec.add_prefix_space},
                 {"clean_up_tokenization_spaces", false}};
  if (spec.merging == Merging::rank_concat) config[kMerging] = kRankConcat;
  return config.dump(1) + "\n";
}

std::string_view tokenizer_code() {
  return R"(# What tokenizer.json says, for transformers with trust_remote_code.
from transformers import PreTrainedTokenizerFast


class LehrTokenizer(PreTrainedTokenizerFast):
    pass
)";
}

std::string with_tokenizer_code(std::string_view tokenizer_config) {
  Json config;
  try {
    config = parse_json<Json>(tokenizer_config);
  } catch (const JsonError& e) {
    throw Error(std::string("not a tokenizer_config.json: ") + e.what());
  }
  const Json named = config.is_object() ? config.value("tokenizer_class", Json()) : Json();
  const bool general = named == "PreTrainedTokenizerFast" || named == "TokenizersBackend";
  if (!general || config.contains("auto_map")) return std::string(tokenizer_config);
  config["auto_map"] = {{"AutoTokenizer", {nullptr, "lehr_tokenizer.LehrTokenizer"}}};
  return config.dump(1) + "\n";
}

std::string with_added_tokens(std::string_view tokenizer_json, const TokenizerSpec& spec) {
  const std::size_t mark = tokenizer_json.starts_with("\xef\xbb\xbf") ? 3 : 0;
  const simdjson::padded_string file(tokenizer_json.substr(mark));
  const std::string added = added_tokens_json(spec).dump(1);
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  simdjson::ondemand::array tokens;
  std::string_view written;
  if (const auto error = parser.iterate(file).get(document))
    throw Error(std::string("not a tokenizer.json: ") + simdjson::error_message(error));
  std::string out(file);
  if (document["added_tokens"].get_array().get(tokens) || tokens.raw_json().get(written))
    return out.insert(out.find('{') + 1, "\n \"added_tokens\": " + added + ",");
  return out.replace(static_cast<std::size_t>(written.data() - file.data()), written.size(), added);
}

Merging merging_of(std::string_view tokenizer_config) {
  Parsed config;
  try {
    config = parse_json<Parsed>(tokenizer_config);
  } catch (const JsonError& e) {
    throw Error(std::string("not a tokenizer_config.json: ") + e.what());
  }
  if (!config.is_object() || !config.contains(kMerging)) return Merging::merge_list;
  if (config[kMerging] != kRankConcat)
    throw Error(std::string("tokenizer_config.json: ") + kMerging + " is not '" + kRankConcat +
                "'");
  return Merging::rank_concat;
}

}  // namespace lehr::text
