#include "text/vocabulary_json.h"

#include <lehr/value.h>
#include <simdjson.h>
#include <xxhash.h>

#include <boost/unordered/unordered_flat_map.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "text/byte_alphabet.h"
#include "text/json_lines.h"
#include "text/strict_json.h"
#include "text/tokenizer_json.h"

namespace lehr::text {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

struct Hash {
  using is_avalanching = void;
  std::size_t operator()(std::string_view s) const { return XXH3_64bits(s.data(), s.size()); }
};
// Of ByteLevel text; the keys stand in the parser's memory.
using Ids = boost::unordered_flat_map<std::string_view, TokenId, Hash>;

Ids read_vocabulary(const object& vocabulary, TokenizerSpec& spec) {
  Ids ids;
  const std::size_t size = vocabulary.size();
  ids.reserve(size);
  spec.tokens.reserve(size);
  for (const auto entry : vocabulary) {
    std::uint64_t id = 0;
    if (entry.value.get(id))
      throw JsonError("the id of '" + std::string(entry.key) +
                      "' is not a whole number: " + simdjson::minify(entry.value).substr(0, 80));
    check_token_id(id, size);
    if (id >= spec.tokens.size()) spec.tokens.resize(id + 1);
    if (!ids.emplace(entry.key, static_cast<TokenId>(id)).second)
      throw JsonError("'" + std::string(entry.key) + "' is given twice");
    auto bytes = from_byte_level(entry.key);
    if (!bytes) continue;
    if (!spec.tokens[id].empty())
      throw JsonError("id " + std::to_string(id) + " is given to two tokens, '" +
                      to_byte_level(spec.tokens[id]) + "' and '" + std::string(entry.key) + "'");
    spec.tokens[id] = std::move(*bytes);
  }
  return ids;
}

// ["left", "right"] or "left right".
std::pair<std::string_view, std::string_view> read_merge(const element& merge) {
  std::string_view both, right;
  if (!merge.get(both)) {
    const std::size_t space = both.find(' ');
    if (space == both.npos) throw Error("merge '" + std::string(both) + "' has no space");
    return {both.substr(0, space), both.substr(space + 1)};
  }
  simdjson::dom::array parts;
  if (merge.get(parts) || parts.size() != 2 || parts.at(0).get(both) || parts.at(1).get(right))
    throw JsonError("a merge is neither two strings nor one: " +
                    simdjson::minify(merge).substr(0, 80));
  return {both, right};
}

}  // namespace

void check_token_id(std::uint64_t id, std::size_t tokens) {
  if (id >= 4 * tokens + 65'536)
    throw Error("token id " + std::to_string(id) + " is too large for " + std::to_string(tokens) +
                " tokens");
}

struct VocabularyJson::Parsed {
  simdjson::dom::parser parser;
  std::optional<element> vocabulary, merges;
  Ids ids;
};

VocabularyJson::VocabularyJson(std::string_view json) : parsed_(std::make_unique<Parsed>()) {
  if (json.starts_with("\xef\xbb\xbf")) json.remove_prefix(3);
  object file;
  if (const auto error = parsed_->parser.parse(json.data(), json.size()).get(file)) {
    // The other parser says where it is wrong.
    parse_json<nlohmann::json>(json);
    throw JsonError(simdjson::error_message(error));
  }
  const auto add = [&](std::string_view key, const element& value) {
    if (rest_.back() != '{') rest_ += ',';
    append_json_string(rest_, key);
    (rest_ += ':') += simdjson::minify(value);
  };
  const auto take = [](std::string_view key, const element& value, std::optional<element>& into) {
    if (into) throw JsonError("'" + std::string(key) + "' is given twice");
    into = value;
  };
  rest_ = "{";
  for (const auto member : file) {
    object model;
    if (member.key != "model" || member.value.get(model)) {
      add(member.key, member.value);
      continue;
    }
    rest_ += rest_.back() == '{' ? "\"model\":{" : ",\"model\":{";
    for (const auto part : model) {
      if (part.key == "vocab")
        take(part.key, part.value, parsed_->vocabulary);
      else if (part.key == "merges")
        take(part.key, part.value, parsed_->merges);
      else
        add(part.key, part.value);
    }
    rest_ += '}';
  }
  rest_ += '}';
}

VocabularyJson::~VocabularyJson() = default;

void VocabularyJson::read(TokenizerSpec& spec) {
  object vocabulary;
  simdjson::dom::array merges;
  if (!parsed_->vocabulary || parsed_->vocabulary->get(vocabulary))
    throw JsonError("model.vocab is not an object");
  if (!parsed_->merges || parsed_->merges->get(merges))
    throw JsonError("model.merges is not a list");
  const Ids& ids = parsed_->ids = read_vocabulary(vocabulary, spec);
  spec.merges.reserve(merges.size());
  for (const element merge : merges) {
    const auto [left, right] = read_merge(merge);
    const auto l = ids.find(left), r = ids.find(right);
    if (l == ids.end() || r == ids.end())
      throw Error("merge '" + std::string(left) + " " + std::string(right) +
                  "' uses a token that is not in the vocabulary");
    spec.merges.emplace_back(l->second, r->second);
  }
}

std::size_t VocabularyJson::size() const { return parsed_->ids.size(); }

std::optional<TokenId> VocabularyJson::find(std::string_view written) const {
  const auto found = parsed_->ids.find(written);
  return found == parsed_->ids.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace lehr::text
